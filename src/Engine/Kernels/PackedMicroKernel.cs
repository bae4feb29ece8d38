using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// A <see cref="MicroKernel{V, T, H, W}"/> of up to six rows by two registers, for a tile of A that is packed: its elements are
/// at fixed places behind one pointer, so that four steps of the depth cost little more than their loads and products.
/// </summary>
internal static unsafe class PackedMicroKernel<V, T, H>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where H : struct, ICount
{
    /// <summary>Rows of the highest tile.</summary>
    public const int MaximalRows = 6;

    private const int Steps = 4;

    /// <summary>C[i, j] (+)= Σ over p in increasing order of a[p·H + i] · b[p·bDepth + j], as the other does. bDepth is not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        V zero = V.Constant(0);
        V l0 = zero, r0 = zero, l1 = zero, r1 = zero, l2 = zero, r2 = zero;
        V l3 = zero, r3 = zero, l4 = zero, r4 = zero, l5 = zero, r5 = zero;
        long bDepth2 = 2 * bDepth, bDepth3 = 3 * bDepth;
        T* end = b + (bDepth * (depth - (depth % Steps)));
        while (b != end)
        {
            V left = V.Load(b), right = V.Load(b + V.Count);
            Add(ref l0, ref r0, a, left, right);
            if (H.Value > 1)
                Add(ref l1, ref r1, a + 1, left, right);
            if (H.Value > 2)
                Add(ref l2, ref r2, a + 2, left, right);
            if (H.Value > 3)
                Add(ref l3, ref r3, a + 3, left, right);
            if (H.Value > 4)
                Add(ref l4, ref r4, a + 4, left, right);
            if (H.Value > 5)
                Add(ref l5, ref r5, a + 5, left, right);

            left = V.Load(b + bDepth);
            right = V.Load(b + bDepth + V.Count);
            Add(ref l0, ref r0, a + H.Value, left, right);
            if (H.Value > 1)
                Add(ref l1, ref r1, a + H.Value + 1, left, right);
            if (H.Value > 2)
                Add(ref l2, ref r2, a + H.Value + 2, left, right);
            if (H.Value > 3)
                Add(ref l3, ref r3, a + H.Value + 3, left, right);
            if (H.Value > 4)
                Add(ref l4, ref r4, a + H.Value + 4, left, right);
            if (H.Value > 5)
                Add(ref l5, ref r5, a + H.Value + 5, left, right);

            left = V.Load(b + bDepth2);
            right = V.Load(b + bDepth2 + V.Count);
            Add(ref l0, ref r0, a + (2 * H.Value), left, right);
            if (H.Value > 1)
                Add(ref l1, ref r1, a + (2 * H.Value) + 1, left, right);
            if (H.Value > 2)
                Add(ref l2, ref r2, a + (2 * H.Value) + 2, left, right);
            if (H.Value > 3)
                Add(ref l3, ref r3, a + (2 * H.Value) + 3, left, right);
            if (H.Value > 4)
                Add(ref l4, ref r4, a + (2 * H.Value) + 4, left, right);
            if (H.Value > 5)
                Add(ref l5, ref r5, a + (2 * H.Value) + 5, left, right);

            left = V.Load(b + bDepth3);
            right = V.Load(b + bDepth3 + V.Count);
            Add(ref l0, ref r0, a + (3 * H.Value), left, right);
            if (H.Value > 1)
                Add(ref l1, ref r1, a + (3 * H.Value) + 1, left, right);
            if (H.Value > 2)
                Add(ref l2, ref r2, a + (3 * H.Value) + 2, left, right);
            if (H.Value > 3)
                Add(ref l3, ref r3, a + (3 * H.Value) + 3, left, right);
            if (H.Value > 4)
                Add(ref l4, ref r4, a + (3 * H.Value) + 4, left, right);
            if (H.Value > 5)
                Add(ref l5, ref r5, a + (3 * H.Value) + 5, left, right);
            a += Steps * H.Value;
            b += Steps * bDepth;
        }

        end = b + (bDepth * (depth % Steps));
        for (; b != end; a += H.Value, b += bDepth)
        {
            V left = V.Load(b), right = V.Load(b + V.Count);
            Add(ref l0, ref r0, a, left, right);
            if (H.Value > 1)
                Add(ref l1, ref r1, a + 1, left, right);
            if (H.Value > 2)
                Add(ref l2, ref r2, a + 2, left, right);
            if (H.Value > 3)
                Add(ref l3, ref r3, a + 3, left, right);
            if (H.Value > 4)
                Add(ref l4, ref r4, a + 4, left, right);
            if (H.Value > 5)
                Add(ref l5, ref r5, a + 5, left, right);
        }

        Write(c, l0, r0, accumulate);
        if (H.Value > 1)
            Write(c + ldc, l1, r1, accumulate);
        if (H.Value > 2)
            Write(c + (2 * ldc), l2, r2, accumulate);
        if (H.Value > 3)
            Write(c + (3 * ldc), l3, r3, accumulate);
        if (H.Value > 4)
            Write(c + (4 * ldc), l4, r4, accumulate);
        if (H.Value > 5)
            Write(c + (5 * ldc), l5, r5, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref V l, ref V r, T* element, V left, V right)
    {
        V x = V.Broadcast(*element);
        l.AddProduct(x, left);
        r.AddProduct(x, right);
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
