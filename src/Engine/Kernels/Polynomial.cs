using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Polynomials by Horner's rule.</summary>
internal static class Polynomial
{
    /// <summary>c[0] + c[1] x + c[2] x² + …</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, ReadOnlySpan<double> c)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V sum = V.Constant(c[^1]);
        for (int i = c.Length - 2; i >= 0; i--)
            sum = V.MultiplyAdd(sum, x, V.Constant(c[i]));
        return sum;
    }
}
