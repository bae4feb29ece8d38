using System.Numerics;
using System.Runtime.CompilerServices;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>C[i, j] (+)= Σ over p of a[i·rowStride + p·depthStride] · b[p·ldb + j] for a few rows and two registers of columns.</summary>
internal static unsafe class ProductTile<V, T, TRows>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TRows : struct, IHeight
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, long rowStride, long depthStride, T* b, long ldb, int depth, T* c, long ldc, bool accumulate)
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
        T* a1 = a + rowStride;
        T* a2 = a1 + rowStride;
        T* a3 = a2 + rowStride;
        T* a4 = a3 + rowStride;
        T* a5 = a4 + rowStride;
        T* a6 = a5 + rowStride;
        T* a7 = a6 + rowStride;
        T* a8 = a7 + rowStride;
        T* a9 = a8 + rowStride;
        T* a10 = a9 + rowStride;
        T* a11 = a10 + rowStride;
        long q = 0;
        for (int p = 0; p < depth; p++, q += depthStride, b += ldb)
        {
            V left = V.Load(b), right = V.Load(b + V.Count);
            V x0 = V.Broadcast(a[q]);
            l0 = V.MultiplyAdd(x0, left, l0);
            r0 = V.MultiplyAdd(x0, right, r0);
            if (TRows.Value > 1)
            {
                V x = V.Broadcast(a1[q]);
                l1 = V.MultiplyAdd(x, left, l1);
                r1 = V.MultiplyAdd(x, right, r1);
            }

            if (TRows.Value > 2)
            {
                V x = V.Broadcast(a2[q]);
                l2 = V.MultiplyAdd(x, left, l2);
                r2 = V.MultiplyAdd(x, right, r2);
            }

            if (TRows.Value > 3)
            {
                V x = V.Broadcast(a3[q]);
                l3 = V.MultiplyAdd(x, left, l3);
                r3 = V.MultiplyAdd(x, right, r3);
            }

            if (TRows.Value > 4)
            {
                V x = V.Broadcast(a4[q]);
                l4 = V.MultiplyAdd(x, left, l4);
                r4 = V.MultiplyAdd(x, right, r4);
            }

            if (TRows.Value > 5)
            {
                V x = V.Broadcast(a5[q]);
                l5 = V.MultiplyAdd(x, left, l5);
                r5 = V.MultiplyAdd(x, right, r5);
            }

            if (TRows.Value > 6)
            {
                V x = V.Broadcast(a6[q]);
                l6 = V.MultiplyAdd(x, left, l6);
                r6 = V.MultiplyAdd(x, right, r6);
            }

            if (TRows.Value > 7)
            {
                V x = V.Broadcast(a7[q]);
                l7 = V.MultiplyAdd(x, left, l7);
                r7 = V.MultiplyAdd(x, right, r7);
            }

            if (TRows.Value > 8)
            {
                V x = V.Broadcast(a8[q]);
                l8 = V.MultiplyAdd(x, left, l8);
                r8 = V.MultiplyAdd(x, right, r8);
            }

            if (TRows.Value > 9)
            {
                V x = V.Broadcast(a9[q]);
                l9 = V.MultiplyAdd(x, left, l9);
                r9 = V.MultiplyAdd(x, right, r9);
            }

            if (TRows.Value > 10)
            {
                V x = V.Broadcast(a10[q]);
                l10 = V.MultiplyAdd(x, left, l10);
                r10 = V.MultiplyAdd(x, right, r10);
            }

            if (TRows.Value > 11)
            {
                V x = V.Broadcast(a11[q]);
                l11 = V.MultiplyAdd(x, left, l11);
                r11 = V.MultiplyAdd(x, right, r11);
            }
        }

        Write(c, l0, r0, accumulate);
        if (TRows.Value > 1)
            Write(c + ldc, l1, r1, accumulate);
        if (TRows.Value > 2)
            Write(c + (2 * ldc), l2, r2, accumulate);
        if (TRows.Value > 3)
            Write(c + (3 * ldc), l3, r3, accumulate);
        if (TRows.Value > 4)
            Write(c + (4 * ldc), l4, r4, accumulate);
        if (TRows.Value > 5)
            Write(c + (5 * ldc), l5, r5, accumulate);
        if (TRows.Value > 6)
            Write(c + (6 * ldc), l6, r6, accumulate);
        if (TRows.Value > 7)
            Write(c + (7 * ldc), l7, r7, accumulate);
        if (TRows.Value > 8)
            Write(c + (8 * ldc), l8, r8, accumulate);
        if (TRows.Value > 9)
            Write(c + (9 * ldc), l9, r9, accumulate);
        if (TRows.Value > 10)
            Write(c + (10 * ldc), l10, r10, accumulate);
        if (TRows.Value > 11)
            Write(c + (11 * ldc), l11, r11, accumulate);
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
