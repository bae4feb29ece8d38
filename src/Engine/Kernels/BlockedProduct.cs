using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Adds one block of a product, held in registers, to a tile of C.</summary>
internal unsafe interface IMicroKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    static abstract int Rows { get; }

    static abstract int Columns { get; }

    /// <summary>
    /// C[Rows,Columns] (+)= Σ over depth of a[p·Rows + i] · b[p·Columns + j]; C is overwritten unless
    /// <paramref name="accumulate"/>.
    /// </summary>
    static abstract void Run(T* a, T* b, int depth, T* c, long ldc, bool accumulate);
}

/// <summary>
/// The blocked product after Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008).
/// A unit is a block of C. For each slice of k it packs its columns of B into panels as wide as the micro-kernel and
/// its rows of A into panels as high, zero-padded, so that edges run through the same code as the middle.
/// </summary>
internal static unsafe class BlockedProduct
{
    /// <summary>A panel of B of this depth stays in the first-level cache.</summary>
    private const int Depth = 256;

    /// <summary>A multiple of every micro-kernel's height: Depth × this many elements of A stay in the second level.</summary>
    private const int UnitRows = 192;

    private const int MaximalUnitColumns = 512;
    private const int ColumnGranule = 64;

    /// <summary>About one millisecond of multiply-adds with 512-bit registers.</summary>
    private const long UnitProduct = 1 << 26;

    public static int UnitCount(int m, int n, int k) => checked(Blocks(m, RowsPerUnit(k)) * Blocks(n, UnitColumns(k)));

    public static long WorkspaceElements<T>(int m, int n, int k)
        where T : unmanaged
    {
        long depth = Math.Min(k, Depth);
        long columns = RoundUp(Math.Min(n, UnitColumns(k)), ColumnGranule);
        long rows = RoundUp(Math.Min(m, RowsPerUnit(k)), 12);
        return depth * (columns + rows) + EdgeElements + 64 / sizeof(T);
    }

    public static void Run<TKernel, T>(in Matrix<T> a, in Matrix<T> b, T* c, long ldc, int m, int n, int k, T* workspace, int unit)
        where TKernel : struct, IMicroKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int columnBlocks = Blocks(n, UnitColumns(k));
        int row = unit / columnBlocks * RowsPerUnit(k), column = unit % columnBlocks * UnitColumns(k);
        int rows = Math.Min(RowsPerUnit(k), m - row), columns = Math.Min(UnitColumns(k), n - column);

        T* edge = workspace;
        T* packedA = edge + EdgeElements;
        T* packedB = packedA + (long)Math.Min(k, Depth) * RoundUp(rows, TKernel.Rows);
        c += row * ldc + column;
        for (int p = 0; p < k; p += Depth)
        {
            int depth = Math.Min(Depth, k - p);
            Pack(a.At(row, p), a.RowStride, a.ColumnStride, rows, depth, TKernel.Rows, packedA);
            Pack(b.At(p, column), b.ColumnStride, b.RowStride, columns, depth, TKernel.Columns, packedB);
            for (int j = 0; j < columns; j += TKernel.Columns)
            {
                for (int i = 0; i < rows; i += TKernel.Rows)
                {
                    int height = Math.Min(TKernel.Rows, rows - i), width = Math.Min(TKernel.Columns, columns - j);
                    T* left = packedA + (long)i * depth, right = packedB + (long)j * depth;
                    T* tile = c + i * ldc + j;
                    if (height == TKernel.Rows && width == TKernel.Columns)
                    {
                        TKernel.Run(left, right, depth, tile, ldc, p > 0);
                    }
                    else
                    {
                        TKernel.Run(left, right, depth, edge, TKernel.Columns, false);
                        AddEdge(edge, TKernel.Columns, tile, ldc, height, width, p > 0);
                    }
                }
            }
        }
    }

    private const int EdgeElements = 12 * ColumnGranule;

    private static int Blocks(int length, int block) => (length + block - 1) / block;

    private static int RoundUp(int length, int block) => Blocks(length, block) * block;

    private static int UnitColumns(int k) =>
        (int)Math.Clamp(UnitProduct / UnitRows / k / ColumnGranule * ColumnGranule, 2 * ColumnGranule, MaximalUnitColumns);

    private static int RowsPerUnit(int k) =>
        (int)Math.Clamp(UnitProduct / UnitColumns(k) / k / 12 * 12, 12, UnitRows);

    /// <summary>Panels of <paramref name="width"/> lines, interleaved: panel[p·width + i]; missing lines are zero.</summary>
    private static void Pack<T>(T* source, long lineStride, long depthStride, int lines, int depth, int width, T* panel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int first = 0; first < lines; first += width, panel += (long)width * depth)
        {
            int count = Math.Min(width, lines - first);
            T* block = source + first * lineStride;
            if (count < width)
                new Span<T>(panel, width * depth).Clear();
            if (lineStride == 1)
            {
                for (int p = 0; p < depth; p++)
                    Unsafe.CopyBlockUnaligned(panel + (long)p * width, block + p * depthStride, (uint)(count * sizeof(T)));
                continue;
            }

            for (int i = 0; i < count; i++)
            {
                T* from = block + i * lineStride;
                T* to = panel + i;
                for (int p = 0; p < depth; p++, from += depthStride, to += width)
                    *to = *from;
            }
        }
    }

    private static void AddEdge<T>(T* edge, int edgeStride, T* c, long ldc, int rows, int columns, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < rows; i++, edge += edgeStride, c += ldc)
        {
            for (int j = 0; j < columns; j++)
                c[j] = accumulate ? c[j] + edge[j] : edge[j];
        }
    }
}
