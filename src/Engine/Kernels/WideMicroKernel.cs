using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Twelve rows by two registers: 24 sums, two registers of B and one of A fit a file of 32.</summary>
internal readonly unsafe struct WideMicroKernel<V, T> : IMicroKernel<T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static int Rows => 12;

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
        V l6 = zero, r6 = zero;
        V l7 = zero, r7 = zero;
        V l8 = zero, r8 = zero;
        V l9 = zero, r9 = zero;
        V l10 = zero, r10 = zero;
        V l11 = zero, r11 = zero;
        for (int p = 0; p < depth; p++, a += 12, b += 2 * V.Count)
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
            V x6 = V.Broadcast(a[6]);
            l6 = V.MultiplyAdd(x6, left, l6);
            r6 = V.MultiplyAdd(x6, right, r6);
            V x7 = V.Broadcast(a[7]);
            l7 = V.MultiplyAdd(x7, left, l7);
            r7 = V.MultiplyAdd(x7, right, r7);
            V x8 = V.Broadcast(a[8]);
            l8 = V.MultiplyAdd(x8, left, l8);
            r8 = V.MultiplyAdd(x8, right, r8);
            V x9 = V.Broadcast(a[9]);
            l9 = V.MultiplyAdd(x9, left, l9);
            r9 = V.MultiplyAdd(x9, right, r9);
            V x10 = V.Broadcast(a[10]);
            l10 = V.MultiplyAdd(x10, left, l10);
            r10 = V.MultiplyAdd(x10, right, r10);
            V x11 = V.Broadcast(a[11]);
            l11 = V.MultiplyAdd(x11, left, l11);
            r11 = V.MultiplyAdd(x11, right, r11);
        }

        Write(c, l0, r0, accumulate);
        Write(c + ldc, l1, r1, accumulate);
        Write(c + 2 * ldc, l2, r2, accumulate);
        Write(c + 3 * ldc, l3, r3, accumulate);
        Write(c + 4 * ldc, l4, r4, accumulate);
        Write(c + 5 * ldc, l5, r5, accumulate);
        Write(c + 6 * ldc, l6, r6, accumulate);
        Write(c + 7 * ldc, l7, r7, accumulate);
        Write(c + 8 * ldc, l8, r8, accumulate);
        Write(c + 9 * ldc, l9, r9, accumulate);
        Write(c + 10 * ldc, l10, r10, accumulate);
        Write(c + 11 * ldc, l11, r11, accumulate);
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
