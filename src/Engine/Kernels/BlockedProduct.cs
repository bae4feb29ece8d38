using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// The blocked product after Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008). A unit is a
/// rectangle of C. For each slice of k it goes over panels of columns as wide as the micro-kernel and, for each, over tiles of
/// rows of nearly equal height. Operands are read where they are; a panel of B or the unit's columns of a transposed A are packed
/// first where their strides would throw each other out of the cache, or where registers cannot be loaded from them.
/// A transposed B that only a few rows meet is left to <see cref="TurnedProduct"/>.
/// </summary>
internal static unsafe class BlockedProduct
{
    /// <summary>A panel of B of this depth comes from the first two levels of cache, which a neighbour may share, and C is read and written seldom.</summary>
    private const int Depth = 256;

    private const int MaximalUnitColumns = 1024;

    /// <summary>A unit has at least so many columns.</summary>
    private const int MinimalUnitColumns = 128;

    /// <summary>Larger units are whole panels of three registers of 512 bits.</summary>
    private const int ColumnGranule = 96;

    /// <summary>Multiply-adds of a unit of a large product, for each float32 of a register: a millisecond or two.</summary>
    private const long MaximalUnitProduct = 1 << 23;

    /// <summary>Smaller products are cut into about so many units, so that several threads find work.</summary>
    private const int WantedUnits = 12;

    /// <summary>A unit with less to do costs more in hand-overs than another thread gains.</summary>
    private const long MinimalUnitProduct = 1 << 22;

    /// <summary>Addresses this far apart share a set of the first-level cache.</summary>
    private const long CacheWay = 4096;

    /// <summary>Columns of B that are packed together, panel beside panel: long enough pieces of its rows for the prefetcher.</summary>
    private const int GroupColumns = 144;

    /// <summary>Rows that repay the packing of B, which reads and writes it once.</summary>
    private const int RepayingRows = 24;

    /// <summary>Bytes that a slice of B spans beyond which a panel of one cache line comes from the second level line by line.</summary>
    private const long FarRows = 1 << 16;

    /// <summary>The same for the columns of a transposed A, of which a tile takes a part of a line.</summary>
    private const long FarColumns = 1 << 18;

    private const int MaximalRows = 12;
    private const int EdgeElements = MaximalRows * ColumnGranule;

    /// <summary>Depth × this many elements of A stay in the second level, which is larger where registers have 512 bits.</summary>
    private static int UnitRows => Vector512.IsHardwareAccelerated ? 384 : 288;

    public static int UnitCount(int m, int n, int k) => checked(Blocks(m, RowsPerUnit(m)) * Blocks(n, ColumnsPerUnit(m, n, k)));

    /// <summary>The rectangle of C that a unit computes.</summary>
    public static Block BlockOf(int m, int n, int k, int unit)
    {
        int rows = RowsPerUnit(m), columns = ColumnsPerUnit(m, n, k);
        int row = unit / Blocks(n, columns) * rows, column = unit % Blocks(n, columns) * columns;
        return new Block(row, Math.Min(rows, m - row), column, Math.Min(columns, n - column));
    }

    public static long WorkspaceElements<T>(int m, int n, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int depth = Math.Min(k, Depth), rows = Math.Min(m, RowsPerUnit(m));
        // How tiles are cut is up to the machine's registers, whichever lanes are asked.
        int tiles = MicroKernels<ScalarLanes<T>, T>.Tiles(rows, MicroKernels<ScalarLanes<T>, T>.MaximalRegisters);
        return ((long)depth * GroupColumns) + (tiles * PackedTile<T>(depth, Blocks(rows, tiles))) + EdgeElements + (64 / sizeof(T));
    }

    public static void Run<V, T>(in Matrix<T> a, in Matrix<T> b, T* c, long ldc, int m, int n, int k, T* workspace, int unit)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var block = BlockOf(m, n, k, unit);
        int rows = (int)block.Rows, columns = (int)block.Columns;
        T* edge = workspace;
        T* group = edge + EdgeElements;
        T* packed = group + ((long)Math.Min(k, Depth) * GroupColumns);
        c += (block.Row * ldc) + block.Column;
        int slices = Blocks(k, Depth), packedTiles = MicroKernels<V, T>.Tiles(rows, MicroKernels<V, T>.MaximalRegisters);
        long packedTile = 0;
        bool packsA = a.RowStride == 1 && columns > MicroKernels<V, T>.MaximalRegisters * V.Count && (ReadsClash<T>(a.ColumnStride) || IsFar<T>(a.ColumnStride, k / slices, FarColumns));
        // A micro-kernel ends where B does, which rows that are one row never reach.
        bool packsB = b.ColumnStride != 1 || b.RowStride == 0 || ReadsClash<T>(b.RowStride) || (rows >= RepayingRows && IsFar<T>(b.RowStride, k / slices, FarRows));
        if (TurnedProduct.Fits(rows, columns, k / slices, b))
        {
            T* left = a.At(block.Row, 0), right = b.At(0, block.Column);
            TurnedProduct.Run((float*)left, a.RowStride, a.ColumnStride, (float*)right, b.ColumnStride, k, slices, (float*)c, ldc, rows, columns);
            return;
        }

        for (int slice = 0; slice < slices; slice++)
        {
            int p = Part(k, slices, slice), depth = Part(k, slices, slice + 1) - p;
            T* left = a.At(block.Row, p);
            if (packsA)
            {
                packedTile = PackedTile<T>(depth, Blocks(rows, packedTiles));
                PackTiles(left, a.ColumnStride, rows, packedTiles, depth, packedTile, packed);
            }

            T* panel = group;
            for (int j = 0, width; j < columns; j += width)
            {
                if (packsB && j % GroupColumns == 0)
                {
                    panel = group;
                    PackColumns<V, T>(b.At(p, block.Column + j), b.ColumnStride, b.RowStride, Math.Min(GroupColumns, columns - j), depth, group);
                }

                int near = Math.Min(GroupColumns - (j % GroupColumns), columns - j);
                int registers = MicroKernels<V, T>.Registers(near), lanes = registers * V.Count;
                width = Math.Min(lanes, near);
                T* right = packsB ? panel : b.At(p, block.Column + j);
                long rightStep = packsB ? lanes : b.RowStride;
                if (!packsB && width < lanes)
                {
                    Packing.Panel(right, 1, b.RowStride, width, depth, lanes, group);
                    right = group;
                    rightStep = lanes;
                }

                panel += (long)lanes * depth;
                for (int tile = 0, tiles = packsA ? packedTiles : MicroKernels<V, T>.Tiles(rows, registers); tile < tiles; tile++)
                {
                    int i = Part(rows, tiles, tile), height = Part(rows, tiles, tile + 1) - i;
                    T* from = packsA ? packed + (tile * packedTile) : left + (i * a.RowStride), to = c + (i * ldc) + j;
                    long step = packsA ? height : a.ColumnStride;
                    if (width == lanes)
                    {
                        MicroKernels<V, T>.Run(height, registers, from, a.RowStride, step, right, rightStep, depth, to, ldc, slice > 0);
                        continue;
                    }

                    MicroKernels<V, T>.Run(height, registers, from, a.RowStride, step, right, rightStep, depth, edge, lanes, false);
                    AddEdge(edge, lanes, to, ldc, height, width, slice > 0);
                }
            }
        }
    }

    /// <summary>Panels side by side, as <see cref="MicroKernels{V, T}.Registers"/> cuts them; the last one is padded with zeros to whole registers.</summary>
    private static void PackColumns<V, T>(T* source, long line, long step, int columns, int depth, T* group)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        while (columns > 0)
        {
            int panel = MicroKernels<V, T>.Registers(columns) * V.Count, width = Math.Min(panel, columns), panels = 1;
            if (line == 1 && width == panel)
            {
                while (columns - (panels * panel) is var rest && rest >= panel && MicroKernels<V, T>.Registers(rest) * V.Count == panel)
                    panels++;
                Packing.Panels(source, step, panels, depth, panel, group);
            }
            else
            {
                Packing.Panel(source, line, step, width, depth, panel, group);
            }

            columns -= panels * panel;
            source += panels * panel * line;
            group += (long)panels * panel * depth;
        }
    }

    /// <summary>Whether lines at this stride fall on the same few sets of the first-level cache.</summary>
    private static bool ReadsClash<T>(long stride)
        where T : unmanaged
    {
        long bytes = Math.Abs(stride) * sizeof(T);
        return bytes > CacheWay - 128 && bytes % CacheWay is < 128 or > CacheWay - 128;
    }

    /// <summary>
    /// Whether so many lines at this stride span so much that those a narrow tile reads of each do not stay near. Tiles of 512 bits
    /// read longer pieces, which are fetched ahead.
    /// </summary>
    private static bool IsFar<T>(long stride, int depth, long bytes)
        where T : unmanaged => !Vector512.IsHardwareAccelerated && depth * Math.Abs(stride) * sizeof(T) >= bytes;

    /// <summary>Elements from one packed tile to the next: an odd number of cache lines, so that tiles fall on all sets, with room for a copy behind the end.</summary>
    private static long PackedTile<T>(int depth, int height)
        where T : unmanaged
    {
        const int Line = 64;
        return ((((long)depth * height * sizeof(T)) + (2 * Line) - 1) / Line | 1) * (Line / sizeof(T));
    }

    /// <summary>
    /// Copies contiguous columns tile by tile: element (i, p) of a tile goes to p · height + i. Where there are as many, eight
    /// elements are copied, of which the next column overwrites those behind the tile; no tile of the widest panel is higher.
    /// </summary>
    private static void PackTiles<T>(T* source, long step, int rows, int tiles, int depth, long stride, T* packed)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Copied = 8, Columns = 8;
        for (int first = 0; first < depth; first += Columns)
        {
            int end = Math.Min(first + Columns, depth);
            for (int tile = 0; tile < tiles; tile++)
            {
                int i = Part(rows, tiles, tile), height = Part(rows, tiles, tile + 1) - i;
                T* from = source + (first * step) + i, to = packed + (tile * stride) + ((long)first * height);
                bool hasRoom = i + Copied <= rows;
                for (int p = first; p < end; p++, from += step, to += height)
                {
                    if (hasRoom)
                    {
                        for (int at = 0; at < Copied; at += Vector256<T>.Count)
                            Vector256.Store(Vector256.Load(from + at), to + at);
                    }
                    else
                    {
                        for (int at = 0; at < height; at++)
                            to[at] = from[at];
                    }
                }
            }
        }
    }

    private static void AddEdge<T>(T* edge, int edgeStride, T* c, long ldc, int rows, int columns, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < rows; i++, edge += edgeStride, c += ldc)
        {
            if (accumulate)
            {
                for (int j = 0; j < columns; j++)
                    c[j] += edge[j];
            }
            else
            {
                Unsafe.CopyBlockUnaligned(c, edge, (uint)(columns * sizeof(T)));
            }
        }
    }

    public static int Blocks(int length, int block) => (length + block - 1) / block;

    /// <summary>Where part i of so many nearly equal ones begins.</summary>
    public static int Part(int length, int parts, int i) => (int)((long)length * i / parts);

    /// <summary>Blocks of rows are nearly equal and, but for the last, whole tiles.</summary>
    private static int RowsPerUnit(int m)
    {
        int even = Blocks(m, Blocks(m, UnitRows));
        return Math.Min(UnitRows, Blocks(even, MaximalRows) * MaximalRows);
    }

    private static int ColumnsPerUnit(int m, int n, int k)
    {
        long product = Math.Clamp((long)m * n * k / WantedUnits, MinimalUnitProduct, MaximalUnitProduct * IsaLevel.Lanes);
        long wanted = Math.Clamp(product / Math.Min(m, RowsPerUnit(m)) / k, MinimalUnitColumns, MaximalUnitColumns);
        int even = Blocks(n, Blocks(n, (int)wanted));
        return even <= MinimalUnitColumns ? MinimalUnitColumns : Blocks(even, ColumnGranule) * ColumnGranule;
    }
}
