using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// A <see cref="DepthwiseTile{V, T}"/> for nine taps that lie as a square: to[y, x] = Σ over i and j of
/// a[3·i + j] · source[(y + i)·pitch + x + j·step]. What is read of a row of the source serves the three rows of the output that
/// meet it. Each sum runs over the taps in order.
/// </summary>
internal static unsafe class ThreeByThreeTile<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows of the output that are made together.</summary>
    private const int Rows = 4;

    /// <summary>Rows of a column that stay near until the column beside it reads the same lines.</summary>
    private const int ColumnRows = 32;

    /// <summary>Whether the tile is made for a rectangle of this size.</summary>
    public static bool Takes(int rows, int columns) => columns >= V.Count && (!IsWide || rows >= Rows);

    /// <summary>Nine taps and eight sums, with what they read, ask for more than sixteen registers.</summary>
    private static bool IsWide => typeof(V) == typeof(Lanes512<T>);

    public static void Run(T* a, T* source, long pitch, long step, T* to, long stride, int rows, int columns)
    {
        if (IsWide)
        {
            RunSquares(a, source, pitch, step, to, stride, rows, columns);
            return;
        }

        for (int y = 0, tiles = (rows + ColumnRows - 1) / ColumnRows, tile = 0; tile < tiles; tile++)
        {
            int end = (int)((long)rows * (tile + 1) / tiles);
            RunColumns(a, source + (y * pitch), pitch, step, to + (y * stride), stride, end - y, columns);
            y = end;
        }
    }

    /// <summary>Columns of one register, downwards: each row that is read ends one sum, continues one and begins one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunColumns(T* a, T* source, long pitch, long step, T* to, long stride, int rows, int columns)
    {
        V a0 = V.Broadcast(a[0]), a1 = V.Broadcast(a[1]), a2 = V.Broadcast(a[2]);
        V b0 = V.Broadcast(a[3]), b1 = V.Broadcast(a[4]), b2 = V.Broadcast(a[5]);
        V c0 = V.Broadcast(a[6]), c1 = V.Broadcast(a[7]), c2 = V.Broadcast(a[8]);
        V zero = V.Constant(0);
        long step2 = 2 * step;
        for (int x = 0; x < columns; x += V.Count)
        {
            // The last column ends where the rectangle ends.
            int left = Math.Min(x, columns - V.Count);
            T* l = source + left, line = to + left, end = line + (rows * stride);
            V s0 = zero, s1 = zero, s2;
            s0.AddProduct(a0, V.Load(l));
            s0.AddProduct(a1, V.Load(l + step));
            s0.AddProduct(a2, V.Load(l + step2));
            l += pitch;
            Add(V.Load(l), b0, ref s0, a0, ref s1);
            Add(V.Load(l + step), b1, ref s0, a1, ref s1);
            Add(V.Load(l + step2), b2, ref s0, a2, ref s1);
            while (true)
            {
                // The three sums change places by name.
                l += pitch;
                s2 = zero;
                Add(V.Load(l), c0, ref s0, b0, ref s1, a0, ref s2);
                Add(V.Load(l + step), c1, ref s0, b1, ref s1, a1, ref s2);
                Add(V.Load(l + step2), c2, ref s0, b2, ref s1, a2, ref s2);
                s0.Store(line);
                if ((line += stride) == end)
                    break;

                l += pitch;
                s0 = zero;
                Add(V.Load(l), c0, ref s1, b0, ref s2, a0, ref s0);
                Add(V.Load(l + step), c1, ref s1, b1, ref s2, a1, ref s0);
                Add(V.Load(l + step2), c2, ref s1, b2, ref s2, a2, ref s0);
                s1.Store(line);
                if ((line += stride) == end)
                    break;

                l += pitch;
                s1 = zero;
                Add(V.Load(l), c0, ref s2, b0, ref s0, a0, ref s1);
                Add(V.Load(l + step), c1, ref s2, b1, ref s0, a1, ref s1);
                Add(V.Load(l + step2), c2, ref s2, b2, ref s0, a2, ref s1);
                s2.Store(line);
                if ((line += stride) == end)
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(V x, V a, ref V la, V b, ref V lb)
    {
        la.AddProduct(a, x);
        lb.AddProduct(b, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(V x, V a, ref V la, V b, ref V lb, V c, ref V lc)
    {
        Add(x, a, ref la, b, ref lb);
        lc.AddProduct(c, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunSquares(T* a, T* source, long pitch, long step, T* to, long stride, int rows, int columns)
    {
        V a0 = V.Broadcast(a[0]), a1 = V.Broadcast(a[1]), a2 = V.Broadcast(a[2]);
        V b0 = V.Broadcast(a[3]), b1 = V.Broadcast(a[4]), b2 = V.Broadcast(a[5]);
        V c0 = V.Broadcast(a[6]), c1 = V.Broadcast(a[7]), c2 = V.Broadcast(a[8]);
        V zero = V.Constant(0);
        for (int y = 0; y < rows; y += Rows)
        {
            // The last tiles end where the rectangle ends.
            int top = Math.Min(y, rows - Rows);
            for (int x = 0; x < columns; x += 2 * V.Count)
            {
                int left = Math.Min(x, columns - V.Count), right = Math.Min(x + V.Count, columns - V.Count);
                T* l = source + (top * pitch) + left;
                T* r = source + (top * pitch) + right;
                V l0 = zero, l1 = zero, l2 = zero, l3 = zero, r0 = zero, r1 = zero, r2 = zero, r3 = zero;
                One(l, r, step, a0, a1, a2, ref l0, ref r0);
                Two(l += pitch, r += pitch, step, b0, b1, b2, ref l0, ref r0, a0, a1, a2, ref l1, ref r1);
                Three(l += pitch, r += pitch, step, c0, c1, c2, ref l0, ref r0, b0, b1, b2, ref l1, ref r1, a0, a1, a2, ref l2, ref r2);
                Three(l += pitch, r += pitch, step, c0, c1, c2, ref l1, ref r1, b0, b1, b2, ref l2, ref r2, a0, a1, a2, ref l3, ref r3);
                Two(l += pitch, r += pitch, step, c0, c1, c2, ref l2, ref r2, b0, b1, b2, ref l3, ref r3);
                One(l + pitch, r + pitch, step, c0, c1, c2, ref l3, ref r3);
                T* line = to + (top * stride);
                Write(line, left, l0, right, r0);
                Write(line + stride, left, l1, right, r1);
                Write(line + (2 * stride), left, l2, right, r2);
                Write(line + (3 * stride), left, l3, right, r3);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One(T* l, T* r, long step, V a0, V a1, V a2, ref V la, ref V ra)
    {
        la.AddProduct(a0, V.Load(l));
        ra.AddProduct(a0, V.Load(r));
        la.AddProduct(a1, V.Load(l + step));
        ra.AddProduct(a1, V.Load(r + step));
        la.AddProduct(a2, V.Load(l + (2 * step)));
        ra.AddProduct(a2, V.Load(r + (2 * step)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(T* l, T* r, long step, V a0, V a1, V a2, ref V la, ref V ra, V b0, V b1, V b2, ref V lb, ref V rb)
    {
        Add(V.Load(l), V.Load(r), a0, ref la, ref ra, b0, ref lb, ref rb);
        Add(V.Load(l + step), V.Load(r + step), a1, ref la, ref ra, b1, ref lb, ref rb);
        Add(V.Load(l + (2 * step)), V.Load(r + (2 * step)), a2, ref la, ref ra, b2, ref lb, ref rb);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Three(
        T* l, T* r, long step, V a0, V a1, V a2, ref V la, ref V ra, V b0, V b1, V b2, ref V lb, ref V rb, V c0, V c1, V c2, ref V lc, ref V rc)
    {
        Add(V.Load(l), V.Load(r), a0, ref la, ref ra, b0, ref lb, ref rb, c0, ref lc, ref rc);
        Add(V.Load(l + step), V.Load(r + step), a1, ref la, ref ra, b1, ref lb, ref rb, c1, ref lc, ref rc);
        Add(V.Load(l + (2 * step)), V.Load(r + (2 * step)), a2, ref la, ref ra, b2, ref lb, ref rb, c2, ref lc, ref rc);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(V l, V r, V a, ref V la, ref V ra, V b, ref V lb, ref V rb)
    {
        la.AddProduct(a, l);
        ra.AddProduct(a, r);
        lb.AddProduct(b, l);
        rb.AddProduct(b, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(V l, V r, V a, ref V la, ref V ra, V b, ref V lb, ref V rb, V c, ref V lc, ref V rc)
    {
        Add(l, r, a, ref la, ref ra, b, ref lb, ref rb);
        lc.AddProduct(c, l);
        rc.AddProduct(c, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* row, int left, V l, int right, V r)
    {
        l.Store(row + left);
        r.Store(row + right);
    }
}
