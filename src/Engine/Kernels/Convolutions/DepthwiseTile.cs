using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// to[y, x] = Σ over taps p of a[p] · source[offsets[p] + y·pitch + x] for one filter: squares of four rows by two registers, as
/// many independent sums as the latency of a multiply-add asks for.
/// </summary>
/// <remarks>
/// The last squares begin so early that they end where the rectangle ends: what two of them have in common is computed twice,
/// to the same bits, and nothing behind a row is read into a sum that is stored.
/// </remarks>
internal static unsafe class DepthwiseTile<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Taps that are summed by themselves.</summary>
    private const int Block = 256;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* a, T* source, int pitch, long* offsets, int taps, T* to, long stride, int rows, int columns)
    {
        if (taps == 9 && ThreeByThreeTile<V, T>.Takes(rows, columns))
        {
            // Taps of a gradient lie in the reverse order: the square, and the rectangle, are then walked from their ends.
            if (IsSquare(offsets, pitch, 1))
            {
                ThreeByThreeTile<V, T>.Run(a, source + offsets[0], pitch, 1, to, stride, rows, columns);
                return;
            }

            if (IsSquare(offsets, -pitch, -1))
            {
                ThreeByThreeTile<V, T>.Run(a, source + offsets[0] + ((rows - 1L) * pitch), -pitch, -1, to + ((rows - 1) * stride), -stride, rows, columns);
                return;
            }
        }

        int lastRow = rows - 1, lastColumn = Math.Max(0, columns - V.Count), width = Math.Min(columns, V.Count);
        for (int y = 0; y < rows; y += 4)
        {
            int y1 = Math.Min(y + 1, lastRow), y2 = Math.Min(y + 2, lastRow), y3 = Math.Min(y + 3, lastRow);
            long p0 = (long)y * pitch, p1 = (long)y1 * pitch, p2 = (long)y2 * pitch, p3 = (long)y3 * pitch;
            for (int x = 0; x < columns; x += 2 * V.Count)
            {
                int left = Math.Min(x, lastColumn), right = Math.Min(x + V.Count, lastColumn);
                V zero = V.Constant(0);
                V t0 = zero, t1 = zero, t2 = zero, t3 = zero, t4 = zero, t5 = zero, t6 = zero, t7 = zero;
                for (int first = 0; first < taps; first += Block)
                {
                    V s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
                    for (int p = first, end = Math.Min(taps, first + Block); p < end; p++)
                    {
                        T* l = source + offsets[p] + left;
                        T* r = source + offsets[p] + right;
                        V w = V.Broadcast(a[p]);
                        s0.AddProduct(w, V.Load(l + p0));
                        s1.AddProduct(w, V.Load(r + p0));
                        s2.AddProduct(w, V.Load(l + p1));
                        s3.AddProduct(w, V.Load(r + p1));
                        s4.AddProduct(w, V.Load(l + p2));
                        s5.AddProduct(w, V.Load(r + p2));
                        s6.AddProduct(w, V.Load(l + p3));
                        s7.AddProduct(w, V.Load(r + p3));
                    }

                    (t0, t1, t2, t3) = (t0 + s0, t1 + s1, t2 + s2, t3 + s3);
                    (t4, t5, t6, t7) = (t4 + s4, t5 + s5, t6 + s6, t7 + s7);
                }

                Write(to + (y * stride), left, t0, right, t1, width);
                Write(to + (y1 * stride), left, t2, right, t3, width);
                Write(to + (y2 * stride), left, t4, right, t5, width);
                Write(to + (y3 * stride), left, t6, right, t7, width);
            }
        }
    }

    private static bool IsSquare(long* offsets, long pitch, long step)
    {
        for (int p = 1; p < 9; p++)
        {
            if (offsets[p] != offsets[0] + (p / 3 * pitch) + (p % 3 * step))
                return false;
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* row, int left, V x, int right, V y, int width)
    {
        if (width < V.Count)
        {
            x.StoreFirst(row, width);
            return;
        }

        x.Store(row + left);
        y.Store(row + right);
    }
}
