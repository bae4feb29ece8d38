using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Adds one block of a product, whose sums are held in registers, to a tile of C: H rows by W registers. 12 · 2 or 8 · 3 sums,
/// the registers of B and one of A fit a file of 32; 6 · 2 one of 16.
/// </summary>
internal static unsafe class MicroKernel<V, T, H, W>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where H : struct, ICount
    where W : struct, ICount
{
    /// <summary>From this depth on the wait for C is worth avoiding.</summary>
    private const int FetchDepth = 64;

    /// <summary>
    /// C[i, j] (+)= Σ over p in increasing order of a[i·aRow + p·aDepth] · b[p·bDepth + j], each sum a chain of fused
    /// multiply-adds from 0; C is overwritten unless <paramref name="accumulate"/>. bDepth is not 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, long aRow, long aDepth, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        V zero = V.Constant(0);
        V l0 = zero, m0 = zero, r0 = zero;
        V l1 = zero, m1 = zero, r1 = zero;
        V l2 = zero, m2 = zero, r2 = zero;
        V l3 = zero, m3 = zero, r3 = zero;
        V l4 = zero, m4 = zero, r4 = zero;
        V l5 = zero, m5 = zero, r5 = zero;
        V l6 = zero, m6 = zero, r6 = zero;
        V l7 = zero, m7 = zero, r7 = zero;
        V l8 = zero, m8 = zero, r8 = zero;
        V l9 = zero, m9 = zero, r9 = zero;
        V l10 = zero, m10 = zero, r10 = zero;
        V l11 = zero, m11 = zero, r11 = zero;

        if (depth >= FetchDepth)
            Fetch(c, ldc);

        // Three pointers and three offsets reach twelve rows. Strides in bytes are added as they are.
        aRow *= sizeof(T);
        aDepth *= sizeof(T);
        bDepth *= sizeof(T);
        T* a4 = At(a, 4 * aRow), a8 = At(a, 8 * aRow), end = At(b, bDepth * depth);
        long aRow2 = 2 * aRow, aRow3 = 3 * aRow;
        for (; b != end; b = At(b, bDepth))
        {
            V left = V.Load(b), middle = W.Value > 1 ? V.Load(b + V.Count) : left, right = W.Value > 2 ? V.Load(b + (2 * V.Count)) : left;
            Add(ref l0, ref m0, ref r0, a, left, middle, right);
            if (H.Value > 1)
                Add(ref l1, ref m1, ref r1, At(a, aRow), left, middle, right);
            if (H.Value > 2)
                Add(ref l2, ref m2, ref r2, At(a, aRow2), left, middle, right);
            if (H.Value > 3)
                Add(ref l3, ref m3, ref r3, At(a, aRow3), left, middle, right);
            if (H.Value > 4)
                Add(ref l4, ref m4, ref r4, a4, left, middle, right);
            if (H.Value > 5)
                Add(ref l5, ref m5, ref r5, At(a4, aRow), left, middle, right);
            if (H.Value > 6)
                Add(ref l6, ref m6, ref r6, At(a4, aRow2), left, middle, right);
            if (H.Value > 7)
                Add(ref l7, ref m7, ref r7, At(a4, aRow3), left, middle, right);
            if (H.Value > 8)
                Add(ref l8, ref m8, ref r8, a8, left, middle, right);
            if (H.Value > 9)
                Add(ref l9, ref m9, ref r9, At(a8, aRow), left, middle, right);
            if (H.Value > 10)
                Add(ref l10, ref m10, ref r10, At(a8, aRow2), left, middle, right);
            if (H.Value > 11)
                Add(ref l11, ref m11, ref r11, At(a8, aRow3), left, middle, right);
            a = At(a, aDepth);
            if (H.Value > 4)
                a4 = At(a4, aDepth);
            if (H.Value > 8)
                a8 = At(a8, aDepth);
        }

        Write(c, l0, m0, r0, accumulate);
        if (H.Value > 1)
            Write(c + ldc, l1, m1, r1, accumulate);
        if (H.Value > 2)
            Write(c + (2 * ldc), l2, m2, r2, accumulate);
        if (H.Value > 3)
            Write(c + (3 * ldc), l3, m3, r3, accumulate);
        if (H.Value > 4)
            Write(c + (4 * ldc), l4, m4, r4, accumulate);
        if (H.Value > 5)
            Write(c + (5 * ldc), l5, m5, r5, accumulate);
        if (H.Value > 6)
            Write(c + (6 * ldc), l6, m6, r6, accumulate);
        if (H.Value > 7)
            Write(c + (7 * ldc), l7, m7, r7, accumulate);
        if (H.Value > 8)
            Write(c + (8 * ldc), l8, m8, r8, accumulate);
        if (H.Value > 9)
            Write(c + (9 * ldc), l9, m9, r9, accumulate);
        if (H.Value > 10)
            Write(c + (10 * ldc), l10, m10, r10, accumulate);
        if (H.Value > 11)
            Write(c + (11 * ldc), l11, m11, r11, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* At(T* element, long bytes) => (T*)((byte*)element + bytes);

    /// <summary>Asks for the tile of C, which arrives while the sums are made.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(T* c, long ldc)
    {
        if (!Sse.IsSupported)
            return;
        for (int i = 0; i < H.Value; i++, c += ldc)
        {
            Sse.Prefetch0(c);
            if (W.Value > 1)
                Sse.Prefetch0(c + V.Count);
            if (W.Value > 2)
                Sse.Prefetch0(c + (2 * V.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref V l, ref V m, ref V r, T* element, V left, V middle, V right)
    {
        V x = V.Broadcast(*element);
        l.AddProduct(x, left);
        if (W.Value > 1)
            m.AddProduct(x, middle);
        if (W.Value > 2)
            r.AddProduct(x, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* c, V left, V middle, V right, bool accumulate)
    {
        if (accumulate)
        {
            left = V.Load(c) + left;
            if (W.Value > 1)
                middle = V.Load(c + V.Count) + middle;
            if (W.Value > 2)
                right = V.Load(c + (2 * V.Count)) + right;
        }

        left.Store(c);
        if (W.Value > 1)
            middle.Store(c + V.Count);
        if (W.Value > 2)
            right.Store(c + (2 * V.Count));
    }
}
