using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// C[i, j] += Σ over positions (y, x) of source[offsets[i] + y·pitch + x] · b[(y·width + x)·ldb + j] for a few taps i and one or
/// two registers of filters j: the tile of the weight gradient, both operands read where they lie.
/// </summary>
internal static unsafe class WeightGradientTile<V, T, TTaps>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TTaps : struct, ICount
{
    /// <summary>Two registers of filters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Two(T* source, long* offsets, int height, int width, int pitch, T* b, long ldb, T* c, long ldc)
    {
        long o0 = offsets[0];
        long o1 = TTaps.Value > 1 ? offsets[1] : 0;
        long o2 = TTaps.Value > 2 ? offsets[2] : 0;
        long o3 = TTaps.Value > 3 ? offsets[3] : 0;
        long o4 = TTaps.Value > 4 ? offsets[4] : 0;
        long o5 = TTaps.Value > 5 ? offsets[5] : 0;
        long o6 = TTaps.Value > 6 ? offsets[6] : 0;
        long o7 = TTaps.Value > 7 ? offsets[7] : 0;
        long o8 = TTaps.Value > 8 ? offsets[8] : 0;
        long o9 = TTaps.Value > 9 ? offsets[9] : 0;
        long o10 = TTaps.Value > 10 ? offsets[10] : 0;
        long o11 = TTaps.Value > 11 ? offsets[11] : 0;
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
        for (int y = 0; y < height; y++, source += pitch)
        {
            T* s = source;
            T* end = source + width;
            for (; s < end; s++, b += ldb)
            {
                V left = V.Load(b), right = V.Load(b + V.Count);
                V x0 = V.Broadcast(s[o0]);
                l0.AddProduct(x0, left);
                r0.AddProduct(x0, right);
                if (TTaps.Value > 1)
                {
                    V x = V.Broadcast(s[o1]);
                    l1.AddProduct(x, left);
                    r1.AddProduct(x, right);
                }

                if (TTaps.Value > 2)
                {
                    V x = V.Broadcast(s[o2]);
                    l2.AddProduct(x, left);
                    r2.AddProduct(x, right);
                }

                if (TTaps.Value > 3)
                {
                    V x = V.Broadcast(s[o3]);
                    l3.AddProduct(x, left);
                    r3.AddProduct(x, right);
                }

                if (TTaps.Value > 4)
                {
                    V x = V.Broadcast(s[o4]);
                    l4.AddProduct(x, left);
                    r4.AddProduct(x, right);
                }

                if (TTaps.Value > 5)
                {
                    V x = V.Broadcast(s[o5]);
                    l5.AddProduct(x, left);
                    r5.AddProduct(x, right);
                }

                if (TTaps.Value > 6)
                {
                    V x = V.Broadcast(s[o6]);
                    l6.AddProduct(x, left);
                    r6.AddProduct(x, right);
                }

                if (TTaps.Value > 7)
                {
                    V x = V.Broadcast(s[o7]);
                    l7.AddProduct(x, left);
                    r7.AddProduct(x, right);
                }

                if (TTaps.Value > 8)
                {
                    V x = V.Broadcast(s[o8]);
                    l8.AddProduct(x, left);
                    r8.AddProduct(x, right);
                }

                if (TTaps.Value > 9)
                {
                    V x = V.Broadcast(s[o9]);
                    l9.AddProduct(x, left);
                    r9.AddProduct(x, right);
                }

                if (TTaps.Value > 10)
                {
                    V x = V.Broadcast(s[o10]);
                    l10.AddProduct(x, left);
                    r10.AddProduct(x, right);
                }

                if (TTaps.Value > 11)
                {
                    V x = V.Broadcast(s[o11]);
                    l11.AddProduct(x, left);
                    r11.AddProduct(x, right);
                }
            }
        }

        Add(c, l0, r0);
        if (TTaps.Value > 1)
            Add(c + ldc, l1, r1);
        if (TTaps.Value > 2)
            Add(c + (2 * ldc), l2, r2);
        if (TTaps.Value > 3)
            Add(c + (3 * ldc), l3, r3);
        if (TTaps.Value > 4)
            Add(c + (4 * ldc), l4, r4);
        if (TTaps.Value > 5)
            Add(c + (5 * ldc), l5, r5);
        if (TTaps.Value > 6)
            Add(c + (6 * ldc), l6, r6);
        if (TTaps.Value > 7)
            Add(c + (7 * ldc), l7, r7);
        if (TTaps.Value > 8)
            Add(c + (8 * ldc), l8, r8);
        if (TTaps.Value > 9)
            Add(c + (9 * ldc), l9, r9);
        if (TTaps.Value > 10)
            Add(c + (10 * ldc), l10, r10);
        if (TTaps.Value > 11)
            Add(c + (11 * ldc), l11, r11);
    }

    /// <summary>One register of filters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(T* source, long* offsets, int height, int width, int pitch, T* b, long ldb, T* c, long ldc)
    {
        long o0 = offsets[0];
        long o1 = TTaps.Value > 1 ? offsets[1] : 0;
        long o2 = TTaps.Value > 2 ? offsets[2] : 0;
        long o3 = TTaps.Value > 3 ? offsets[3] : 0;
        long o4 = TTaps.Value > 4 ? offsets[4] : 0;
        long o5 = TTaps.Value > 5 ? offsets[5] : 0;
        long o6 = TTaps.Value > 6 ? offsets[6] : 0;
        long o7 = TTaps.Value > 7 ? offsets[7] : 0;
        long o8 = TTaps.Value > 8 ? offsets[8] : 0;
        long o9 = TTaps.Value > 9 ? offsets[9] : 0;
        long o10 = TTaps.Value > 10 ? offsets[10] : 0;
        long o11 = TTaps.Value > 11 ? offsets[11] : 0;
        V zero = V.Constant(0);
        V l0 = zero;
        V l1 = zero;
        V l2 = zero;
        V l3 = zero;
        V l4 = zero;
        V l5 = zero;
        V l6 = zero;
        V l7 = zero;
        V l8 = zero;
        V l9 = zero;
        V l10 = zero;
        V l11 = zero;
        for (int y = 0; y < height; y++, source += pitch)
        {
            T* s = source;
            T* end = source + width;
            for (; s < end; s++, b += ldb)
            {
                V left = V.Load(b);
                l0.AddProduct(V.Broadcast(s[o0]), left);
                if (TTaps.Value > 1)
                    l1.AddProduct(V.Broadcast(s[o1]), left);
                if (TTaps.Value > 2)
                    l2.AddProduct(V.Broadcast(s[o2]), left);
                if (TTaps.Value > 3)
                    l3.AddProduct(V.Broadcast(s[o3]), left);
                if (TTaps.Value > 4)
                    l4.AddProduct(V.Broadcast(s[o4]), left);
                if (TTaps.Value > 5)
                    l5.AddProduct(V.Broadcast(s[o5]), left);
                if (TTaps.Value > 6)
                    l6.AddProduct(V.Broadcast(s[o6]), left);
                if (TTaps.Value > 7)
                    l7.AddProduct(V.Broadcast(s[o7]), left);
                if (TTaps.Value > 8)
                    l8.AddProduct(V.Broadcast(s[o8]), left);
                if (TTaps.Value > 9)
                    l9.AddProduct(V.Broadcast(s[o9]), left);
                if (TTaps.Value > 10)
                    l10.AddProduct(V.Broadcast(s[o10]), left);
                if (TTaps.Value > 11)
                    l11.AddProduct(V.Broadcast(s[o11]), left);
            }
        }

        (V.Load(c) + l0).Store(c);
        if (TTaps.Value > 1)
            (V.Load(c + ldc) + l1).Store(c + ldc);
        if (TTaps.Value > 2)
            (V.Load(c + (2 * ldc)) + l2).Store(c + (2 * ldc));
        if (TTaps.Value > 3)
            (V.Load(c + (3 * ldc)) + l3).Store(c + (3 * ldc));
        if (TTaps.Value > 4)
            (V.Load(c + (4 * ldc)) + l4).Store(c + (4 * ldc));
        if (TTaps.Value > 5)
            (V.Load(c + (5 * ldc)) + l5).Store(c + (5 * ldc));
        if (TTaps.Value > 6)
            (V.Load(c + (6 * ldc)) + l6).Store(c + (6 * ldc));
        if (TTaps.Value > 7)
            (V.Load(c + (7 * ldc)) + l7).Store(c + (7 * ldc));
        if (TTaps.Value > 8)
            (V.Load(c + (8 * ldc)) + l8).Store(c + (8 * ldc));
        if (TTaps.Value > 9)
            (V.Load(c + (9 * ldc)) + l9).Store(c + (9 * ldc));
        if (TTaps.Value > 10)
            (V.Load(c + (10 * ldc)) + l10).Store(c + (10 * ldc));
        if (TTaps.Value > 11)
            (V.Load(c + (11 * ldc)) + l11).Store(c + (11 * ldc));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(T* c, V left, V right)
    {
        (V.Load(c) + left).Store(c);
        (V.Load(c + V.Count) + right).Store(c + V.Count);
    }
}
