using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// C[i, j] (+)= Σ over taps p of a[p·rows + i] · source[offsets[p] + j] for a few rows and up to three registers of columns: the
/// micro-kernel of the matrix product with an operand that is read where it lies.
/// </summary>
internal static unsafe class CorrelationTile<V, T, TRows, TRegisters>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TRows : struct, ICount
    where TRegisters : struct, ICount
{
    /// <summary>The most rows of a tile in a file of 16 registers.</summary>
    private const int LowRows = 6;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, T* source, long* offsets, int depth, T* c, long ldc, bool accumulate)
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
        long* end = offsets + depth;
        if (TRows.Value <= LowRows && typeof(V) != typeof(Lanes512<T>))
        {
            // Four taps a turn: what a turn costs beside its products counts where a neighbour shares the core.
            for (long* fours = offsets + (depth & ~3); offsets != fours; offsets += 4, a += 4 * TRows.Value)
            {
                Step(a, 0, source + offsets[0], ref l0, ref m0, ref r0, ref l1, ref m1, ref r1, ref l2, ref m2, ref r2, ref l3, ref m3, ref r3, ref l4, ref m4, ref r4, ref l5, ref m5, ref r5);
                Step(a, 1, source + offsets[1], ref l0, ref m0, ref r0, ref l1, ref m1, ref r1, ref l2, ref m2, ref r2, ref l3, ref m3, ref r3, ref l4, ref m4, ref r4, ref l5, ref m5, ref r5);
                Step(a, 2, source + offsets[2], ref l0, ref m0, ref r0, ref l1, ref m1, ref r1, ref l2, ref m2, ref r2, ref l3, ref m3, ref r3, ref l4, ref m4, ref r4, ref l5, ref m5, ref r5);
                Step(a, 3, source + offsets[3], ref l0, ref m0, ref r0, ref l1, ref m1, ref r1, ref l2, ref m2, ref r2, ref l3, ref m3, ref r3, ref l4, ref m4, ref r4, ref l5, ref m5, ref r5);
            }
        }

        for (; offsets != end; offsets++, a += TRows.Value)
        {
            T* b = source + *offsets;
            V left = V.Load(b), middle = TRegisters.Value > 1 ? V.Load(b + V.Count) : left, right = TRegisters.Value > 2 ? V.Load(b + (2 * V.Count)) : left;
            Add(ref l0, ref m0, ref r0, a[0], left, middle, right);
            if (TRows.Value > 1)
                Add(ref l1, ref m1, ref r1, a[1], left, middle, right);
            if (TRows.Value > 2)
                Add(ref l2, ref m2, ref r2, a[2], left, middle, right);
            if (TRows.Value > 3)
                Add(ref l3, ref m3, ref r3, a[3], left, middle, right);
            if (TRows.Value > 4)
                Add(ref l4, ref m4, ref r4, a[4], left, middle, right);
            if (TRows.Value > 5)
                Add(ref l5, ref m5, ref r5, a[5], left, middle, right);
            if (TRows.Value > 6)
                Add(ref l6, ref m6, ref r6, a[6], left, middle, right);
            if (TRows.Value > 7)
                Add(ref l7, ref m7, ref r7, a[7], left, middle, right);
            if (TRows.Value > 8)
                Add(ref l8, ref m8, ref r8, a[8], left, middle, right);
            if (TRows.Value > 9)
                Add(ref l9, ref m9, ref r9, a[9], left, middle, right);
            if (TRows.Value > 10)
                Add(ref l10, ref m10, ref r10, a[10], left, middle, right);
            if (TRows.Value > 11)
                Add(ref l11, ref m11, ref r11, a[11], left, middle, right);
        }

        Write(c, l0, m0, r0, accumulate);
        if (TRows.Value > 1)
            Write(c + ldc, l1, m1, r1, accumulate);
        if (TRows.Value > 2)
            Write(c + (2 * ldc), l2, m2, r2, accumulate);
        if (TRows.Value > 3)
            Write(c + (3 * ldc), l3, m3, r3, accumulate);
        if (TRows.Value > 4)
            Write(c + (4 * ldc), l4, m4, r4, accumulate);
        if (TRows.Value > 5)
            Write(c + (5 * ldc), l5, m5, r5, accumulate);
        if (TRows.Value > 6)
            Write(c + (6 * ldc), l6, m6, r6, accumulate);
        if (TRows.Value > 7)
            Write(c + (7 * ldc), l7, m7, r7, accumulate);
        if (TRows.Value > 8)
            Write(c + (8 * ldc), l8, m8, r8, accumulate);
        if (TRows.Value > 9)
            Write(c + (9 * ldc), l9, m9, r9, accumulate);
        if (TRows.Value > 10)
            Write(c + (10 * ldc), l10, m10, r10, accumulate);
        if (TRows.Value > 11)
            Write(c + (11 * ldc), l11, m11, r11, accumulate);
    }

    /// <summary>A tap of a turn for up to <see cref="LowRows"/> rows; for more there would be too many arguments for it to be inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        T* a, int tap, T* b,
        ref V l0, ref V m0, ref V r0, ref V l1, ref V m1, ref V r1, ref V l2, ref V m2, ref V r2,
        ref V l3, ref V m3, ref V r3, ref V l4, ref V m4, ref V r4, ref V l5, ref V m5, ref V r5)
    {
        V left = V.Load(b), middle = TRegisters.Value > 1 ? V.Load(b + V.Count) : left, right = TRegisters.Value > 2 ? V.Load(b + (2 * V.Count)) : left;
        Add(ref l0, ref m0, ref r0, a[tap * TRows.Value], left, middle, right);
        if (TRows.Value > 1)
            Add(ref l1, ref m1, ref r1, a[(tap * TRows.Value) + 1], left, middle, right);
        if (TRows.Value > 2)
            Add(ref l2, ref m2, ref r2, a[(tap * TRows.Value) + 2], left, middle, right);
        if (TRows.Value > 3)
            Add(ref l3, ref m3, ref r3, a[(tap * TRows.Value) + 3], left, middle, right);
        if (TRows.Value > 4)
            Add(ref l4, ref m4, ref r4, a[(tap * TRows.Value) + 4], left, middle, right);
        if (TRows.Value > 5)
            Add(ref l5, ref m5, ref r5, a[(tap * TRows.Value) + 5], left, middle, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref V l, ref V m, ref V r, T weight, V left, V middle, V right)
    {
        V x = V.Broadcast(weight);
        l.AddProduct(x, left);
        if (TRegisters.Value > 1)
            m.AddProduct(x, middle);
        if (TRegisters.Value > 2)
            r.AddProduct(x, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* c, V left, V middle, V right, bool accumulate)
    {
        if (accumulate)
        {
            left = V.Load(c) + left;
            if (TRegisters.Value > 1)
                middle = V.Load(c + V.Count) + middle;
            if (TRegisters.Value > 2)
                right = V.Load(c + (2 * V.Count)) + right;
        }

        left.Store(c);
        if (TRegisters.Value > 1)
            middle.Store(c + V.Count);
        if (TRegisters.Value > 2)
            right.Store(c + (2 * V.Count));
    }
}
