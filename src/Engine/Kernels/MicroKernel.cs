using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Six rows by two registers: 12 sums, two registers of B and one of A fill a file of 16.</summary>
internal readonly unsafe struct MicroKernel<V, T> : IMicroKernel<T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static int Rows => 6;

    public static int Columns => 2 * V.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, T* b, int depth, T* c, long ldc, bool accumulate)
    {
        V zero = V.Constant(0);
        V l0 = zero, r0 = zero;
        V l1 = zero, r1 = zero;
        V l2 = zero, r2 = zero;
        V l3 = zero, r3 = zero;
        V l4 = zero, r4 = zero;
        V l5 = zero, r5 = zero;
        for (int p = 0; p < depth; p++, a += 6, b += 2 * V.Count)
        {
            V left = V.Load(b), right = V.Load(b + V.Count);
            V x0 = V.Broadcast(a[0]);
            l0 = V.MultiplyAdd(x0, left, l0);
            r0 = V.MultiplyAdd(x0, right, r0);
            V x1 = V.Broadcast(a[1]);
            l1 = V.MultiplyAdd(x1, left, l1);
            r1 = V.MultiplyAdd(x1, right, r1);
            V x2 = V.Broadcast(a[2]);
            l2 = V.MultiplyAdd(x2, left, l2);
            r2 = V.MultiplyAdd(x2, right, r2);
            V x3 = V.Broadcast(a[3]);
            l3 = V.MultiplyAdd(x3, left, l3);
            r3 = V.MultiplyAdd(x3, right, r3);
            V x4 = V.Broadcast(a[4]);
            l4 = V.MultiplyAdd(x4, left, l4);
            r4 = V.MultiplyAdd(x4, right, r4);
            V x5 = V.Broadcast(a[5]);
            l5 = V.MultiplyAdd(x5, left, l5);
            r5 = V.MultiplyAdd(x5, right, r5);
        }

        Write(c, l0, r0, accumulate);
        Write(c + ldc, l1, r1, accumulate);
        Write(c + 2 * ldc, l2, r2, accumulate);
        Write(c + 3 * ldc, l3, r3, accumulate);
        Write(c + 4 * ldc, l4, r4, accumulate);
        Write(c + 5 * ldc, l5, r5, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* c, V left, V right, bool accumulate)
    {
        if (accumulate)
        {
            left = V.Load(c) + left;
            right = V.Load(c + V.Count) + right;
        }

        left.Store(c);
        right.Store(c + V.Count);
    }
}
