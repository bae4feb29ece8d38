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
    private const int Steps = 4;

    /// <summary>C[i, j] (+)= Σ over p in increasing order of a[p·H + i] · b[p·bDepth + j], as the other does. bDepth is not 0.</summary>
    /// <remarks>What it inlines would not fit the compiler's budget for a caller.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Run(T* a, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        V zero = V.Constant(0);
        V l0 = zero, r0 = zero, l1 = zero, r1 = zero, l2 = zero, r2 = zero;
        V l3 = zero, r3 = zero, l4 = zero, r4 = zero, l5 = zero, r5 = zero;
        T* end = b + (bDepth * (depth - (depth % Steps)));
        for (; b != end; a += Steps * H.Value)
        {
            Step(a, 0, ref b, bDepth, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5);
            Step(a, 1, ref b, bDepth, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5);
            Step(a, 2, ref b, bDepth, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5);
            Step(a, 3, ref b, bDepth, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5);
        }

        end = b + (bDepth * (depth % Steps));
        for (; b != end; a += H.Value)
            Step(a, 0, ref b, bDepth, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5);

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

    /// <summary>Adds the products of one step of four, and goes on to the next row of B.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        T* a, int step, ref T* b, long bDepth,
        ref V l0, ref V r0, ref V l1, ref V r1, ref V l2, ref V r2, ref V l3, ref V r3, ref V l4, ref V r4, ref V l5, ref V r5)
    {
        V left = V.Load(b), right = V.Load(b + V.Count);
        b += bDepth;
        Add(ref l0, ref r0, a[step * H.Value], left, right);
        if (H.Value > 1)
            Add(ref l1, ref r1, a[(step * H.Value) + 1], left, right);
        if (H.Value > 2)
            Add(ref l2, ref r2, a[(step * H.Value) + 2], left, right);
        if (H.Value > 3)
            Add(ref l3, ref r3, a[(step * H.Value) + 3], left, right);
        if (H.Value > 4)
            Add(ref l4, ref r4, a[(step * H.Value) + 4], left, right);
        if (H.Value > 5)
            Add(ref l5, ref r5, a[(step * H.Value) + 5], left, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref V l, ref V r, T element, V left, V right)
    {
        V x = V.Broadcast(element);
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
