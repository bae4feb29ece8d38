using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// C[j] (+)= Σ over taps p of a[p] · source[offsets[p] + j] for one row and eight registers of columns: as many independent
/// sums as the latency of a multiply-add asks for.
/// </summary>
internal static unsafe class DepthwiseTile<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public const int Registers = 8;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, T* source, long* offsets, int depth, T* c, long ldc, bool accumulate)
    {
        V zero = V.Constant(0);
        V s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
        for (int p = 0; p < depth; p++)
        {
            T* b = source + offsets[p];
            V x = V.Broadcast(a[p]);
            s0 = V.MultiplyAdd(x, V.Load(b), s0);
            s1 = V.MultiplyAdd(x, V.Load(b + V.Count), s1);
            s2 = V.MultiplyAdd(x, V.Load(b + (2 * V.Count)), s2);
            s3 = V.MultiplyAdd(x, V.Load(b + (3 * V.Count)), s3);
            s4 = V.MultiplyAdd(x, V.Load(b + (4 * V.Count)), s4);
            s5 = V.MultiplyAdd(x, V.Load(b + (5 * V.Count)), s5);
            s6 = V.MultiplyAdd(x, V.Load(b + (6 * V.Count)), s6);
            s7 = V.MultiplyAdd(x, V.Load(b + (7 * V.Count)), s7);
        }

        Write(c, s0, accumulate);
        Write(c + V.Count, s1, accumulate);
        Write(c + (2 * V.Count), s2, accumulate);
        Write(c + (3 * V.Count), s3, accumulate);
        Write(c + (4 * V.Count), s4, accumulate);
        Write(c + (5 * V.Count), s5, accumulate);
        Write(c + (6 * V.Count), s6, accumulate);
        Write(c + (7 * V.Count), s7, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* c, V sum, bool accumulate) => (accumulate ? V.Load(c) + sum : sum).Store(c);
}
