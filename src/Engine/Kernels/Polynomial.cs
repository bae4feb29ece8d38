using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Polynomials c0 + c1 x + c2 x² + … by Horner's rule; the coefficients are literals, which become operands of the loop.</summary>
internal static class Polynomial
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V sum = V.MultiplyAdd(V.Constant(c3), x, V.Constant(c2));
        sum = V.MultiplyAdd(sum, x, V.Constant(c1));
        return V.MultiplyAdd(sum, x, V.Constant(c0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3, double c4)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(Evaluate<V, T>(x, c1, c2, c3, c4), x, V.Constant(c0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3, double c4, double c5)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(Evaluate<V, T>(x, c1, c2, c3, c4, c5), x, V.Constant(c0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3, double c4, double c5, double c6)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(Evaluate<V, T>(x, c1, c2, c3, c4, c5, c6), x, V.Constant(c0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3, double c4, double c5, double c6, double c7)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(Evaluate<V, T>(x, c1, c2, c3, c4, c5, c6, c7), x, V.Constant(c0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3, double c4, double c5, double c6, double c7, double c8)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(Evaluate<V, T>(x, c1, c2, c3, c4, c5, c6, c7, c8), x, V.Constant(c0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<V, T>(V x, double c0, double c1, double c2, double c3, double c4, double c5, double c6, double c7, double c8, double c9)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.MultiplyAdd(Evaluate<V, T>(x, c1, c2, c3, c4, c5, c6, c7, c8, c9), x, V.Constant(c0));
}
