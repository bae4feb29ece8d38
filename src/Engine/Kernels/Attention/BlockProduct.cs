using System.Numerics;
using System.Runtime.Intrinsics;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>Which sides of a product are queries and keys, and so what causality leaves of it.</summary>
internal enum Triangle
{
    /// <summary>Rows are keys and columns queries: the keys that none of a panel's queries sees are left as they are.</summary>
    Scores,

    /// <summary>Rows are keys and the depth is queries: it begins at the first that sees a tile's keys.</summary>
    Keys,

    /// <summary>Rows are queries and the depth is keys: it ends behind the last that a tile's queries see.</summary>
    Queries,
}

/// <summary>
/// C[m, n] (+)= A · B for blocks in cache: A under any strides, B and C with rows padded to <see cref="Columns"/>. Each element is
/// one sum over the depth in order. Query i sees the keys up to <c>visible</c> + i; what it does not see is 0 and left out.
/// </summary>
internal static unsafe class BlockProduct<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Bytes of a cache line.</summary>
    private const int Line = 64;

    /// <summary>The padding of rows: two registers.</summary>
    public static int Columns => 2 * TileTable<T>.Lanes;

    /// <summary>A length rounded up to whole tiles.</summary>
    public static int Padded(int length) => (length + Columns - 1) / Columns * Columns;

    /// <summary>The elements from one padded row to the next: an odd number of cache lines, so that rows do not meet in the same sets.</summary>
    public static int Stride(int length)
    {
        int line = Line / sizeof(T), lines = (Padded(length) + line - 1) / line;
        return (lines | 1) * line;
    }

    public static void Run(T* a, long rowStride, long depthStride, T* b, long ldb, T* c, long ldc, int m, int n, int depth, bool accumulate, Triangle part, int visible)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Lanes512<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate, part, visible);
        else if (Vector256.IsHardwareAccelerated)
            Run<Lanes256<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate, part, visible);
        else if (Vector128.IsHardwareAccelerated)
            Run<Lanes128<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate, part, visible);
        else
            Run<ScalarLanes<T>>(a, rowStride, depthStride, b, ldb, c, ldc, m, n, depth, accumulate, part, visible);
    }

    /// <summary>to[i, j] = x[i·stride + j], zero from the width to the padded width.</summary>
    public static void CopyRows(T* x, long stride, int rows, int width, T* to, int toStride)
    {
        TileTable<T>.Copy(x, stride, to, toStride, rows, width);
        var rest = Padded(width) - width;
        for (var i = 0; i < rows && rest > 0; i++)
            new Span<T>(to + ((long)i * toStride) + width, rest).Clear();
    }

    /// <summary>to[j, i] = x[i·stride + j], zero from the rows to the padded rows.</summary>
    public static void CopyTransposed(T* x, long stride, int rows, int width, T* to, int toStride)
    {
        var rest = Padded(rows) - rows;
        for (var j = 0; j < width && rest > 0; j++)
            new Span<T>(to + ((long)j * toStride) + rows, rest).Clear();
        Transposition.Run(x, stride, rows, width, toStride, to);
    }

    private static void Run<V>(T* a, long rowStride, long depthStride, T* b, long ldb, T* c, long ldc, int m, int n, int depth, bool accumulate, Triangle part, int visible)
        where V : struct, ILanes<V, T>
    {
        // The padding makes whole registers of all columns.
        for (int j = 0, registers; j < n; j += registers * V.Count)
        {
            registers = MicroKernels<V, T>.Registers(Padded(n) - j);
            int rows = part == Triangle.Scores ? Math.Min(m, visible + j + (registers * V.Count)) : m;
            for (int i = 0, tiles = MicroKernels<V, T>.Tiles(rows, registers), tile = 0; tile < tiles; tile++)
            {
                int end = (int)((long)rows * (tile + 1) / tiles);
                int first = part == Triangle.Keys ? Math.Clamp(i - visible, 0, depth) : 0, last = part == Triangle.Queries ? Math.Min(depth, visible + end) : depth;
                MicroKernels<V, T>.Run(
                    end - i, registers, a + (i * rowStride) + (first * depthStride), rowStride, depthStride, b + (first * ldb) + j, ldb, last - first,
                    c + (i * ldc) + j, ldc, accumulate);
                i = end;
            }
        }
    }
}
