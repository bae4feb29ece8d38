using System.Numerics;
using System.Runtime.Intrinsics;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>
/// C[m, n] (+)= A · B for blocks in cache: A under any strides, B and C with rows padded to <see cref="Columns"/>. Each element is
/// one sum over the depth in order.
/// </summary>
internal static unsafe class BlockProduct<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The padding of rows: two registers.</summary>
    public static int Columns => 2 * TileTable<T>.Lanes;

    /// <summary>A length rounded up to whole tiles.</summary>
    public static int Padded(int length) => (length + Columns - 1) / Columns * Columns;

    public static void Run(T* a, long rowStride, long depthStride, T* b, long ldb, T* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Lanes512<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate);
        else if (Vector256.IsHardwareAccelerated)
            Run<Lanes256<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate);
        else if (Vector128.IsHardwareAccelerated)
            Run<Lanes128<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate);
        else
            Run<ScalarLanes<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate);
    }

    /// <summary>to[i, j] = x[i·stride + j], zero from the width to the padded width.</summary>
    public static void CopyRows(T* x, long stride, int rows, int width, T* to)
    {
        var padded = Padded(width);
        for (var i = 0; i < rows; i++, x += stride, to += padded)
        {
            new ReadOnlySpan<T>(x, width).CopyTo(new Span<T>(to, width));
            new Span<T>(to + width, padded - width).Clear();
        }
    }

    /// <summary>to[j, i] = x[i·stride + j], zero from the rows to the padded rows.</summary>
    public static void CopyTransposed(T* x, long stride, int rows, int width, T* to, int padded)
    {
        for (var j = 0; j < width; j++)
            new Span<T>(to + ((long)j * padded) + rows, padded - rows).Clear();
        var i = 0;
        for (; i + 4 <= rows; i += 4)
        {
            T* a = x + (i * stride), b = a + stride, c = b + stride, d = c + stride, line = to + i;
            for (var j = 0; j < width; j++, line += padded)
            {
                line[0] = a[j];
                line[1] = b[j];
                line[2] = c[j];
                line[3] = d[j];
            }
        }

        for (; i < rows; i++)
        {
            for (var j = 0; j < width; j++)
                to[((long)j * padded) + i] = x[(i * stride) + j];
        }
    }

    private static void Run<V>(T* a, long rowStride, long depthStride, T* b, long ldb, T* c, long ldc, int m, int n, int depth, bool accumulate)
        where V : struct, ILanes<V, T>
    {
        // The padding makes whole registers of all columns.
        for (int j = 0, registers; j < n; j += registers * V.Count)
        {
            registers = MicroKernels<V, T>.Registers(Padded(n) - j);
            for (int i = 0, tiles = MicroKernels<V, T>.Tiles(m, registers), tile = 0; tile < tiles; tile++)
            {
                int end = (int)((long)m * (tile + 1) / tiles);
                MicroKernels<V, T>.Run(end - i, registers, a + (i * rowStride), rowStride, depthStride, b + j, ldb, depth, c + (i * ldc) + j, ldc, accumulate);
                i = end;
            }
        }
    }
}
