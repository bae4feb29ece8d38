using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// The blocked product after Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008). A rectangle of C is
/// computed by one unit. For each slice of k it goes over panels of columns as wide as the micro-kernel and, for each, over tiles
/// of rows of nearly equal height. Operands are read where they are; panels of B and tiles of A are packed first where their
/// strides would throw each other out of the cache, where registers cannot be loaded from them, or where that is repaid.
/// What several rectangles read is packed once, by units of its own, some slices at a time: a round is a stage that packs
/// them and one that multiplies them. A long depth comes in rounds in any case, for a unit ends after a millisecond or two.
/// A transposed B that only a few rows meet is left to <see cref="TurnedProduct"/>.
/// </summary>
internal sealed unsafe class BlockedProduct<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>A panel of B of this depth comes from the first two levels of cache, which a neighbour may share, and C is read and written seldom.</summary>
    private const int Depth = 256;

    /// <summary>A longer slice of an operand is packed by each unit for itself: it would leave the cache before it is read.</summary>
    private const long SharedSliceBytes = 16 << 20;

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
    private const long MinimalUnitProduct = 1 << 20;

    /// <summary>Addresses this far apart share a set of the first-level cache.</summary>
    private const long CacheWay = 4096;

    /// <summary>Columns of B that are packed together, panel beside panel: long enough pieces of its rows for the prefetcher.</summary>
    private const int GroupColumns = 144;

    /// <summary>Rows that repay the packing of B, which reads and writes it once.</summary>
    private const int RepayingRows = 24;

    /// <summary>Rows and columns that repay the packing of A where registers are narrow: tiles of it are then read along one line.</summary>
    private const int RepayingRowsOfA = 256;
    private const int RepayingColumns = 512;

    /// <summary>Bytes that a slice of B spans beyond which a panel of one cache line comes from the second level line by line.</summary>
    private const long FarRows = 1 << 16;

    /// <summary>The same for the columns of a transposed A, of which a tile takes a part of a line.</summary>
    private const long FarColumns = 1 << 18;

    private const int MaximalRows = 12;
    private const int EdgeElements = MaximalRows * ColumnGranule;
    private const int Line = 64;

    /// <summary>
    /// About so much is packed in a round, one slice at least: it stays in the last level of cache. A round reads and writes C once,
    /// which narrow registers, whose lines a neighbour throws out sooner, repay to do less often.
    /// </summary>
    private static readonly long RoundBytes = Vector512.IsHardwareAccelerated ? 4 << 20 : 16 << 20;

    private readonly int _m;
    private readonly int _n;
    private readonly int _k;
    private readonly long _entries;
    private readonly int _slices;
    private readonly int _sliceDepth;

    // A unit's rectangle, and how many there are.
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _rowBlocks;
    private readonly int _columnBlocks;
    private readonly bool _packsA;
    private readonly bool _packsB;

    // Packed once for all units.
    private readonly bool _sharesA;
    private readonly bool _sharesB;

    // Panels come from the last level, and a narrow one is soon used up.
    private readonly bool _fetchesB;

    private readonly int _roundSlices;
    private readonly int _rounds;

    /// <param name="entries">Products that may run at the same time. Where they are enough for all threads, each packs for itself.</param>
    public BlockedProduct(int m, int n, int k, MatrixStrides a, MatrixStrides b, long entries)
    {
        (_m, _n, _k, _entries) = (m, n, k, Math.Min(entries, WantedUnits));
        _slices = Parts.Count(k, Depth);
        _sliceDepth = Parts.Count(k, _slices);
        bool shares = _entries < WantedUnits;
        _rows = RowsOfUnit(m, shares);
        _columns = ColumnsOfUnit(n, k);
        (_rowBlocks, _columnBlocks) = (Parts.Count(m, _rows), Parts.Count(n, _columns));
        int depth = k / _slices, rows = Math.Min(m, _rows), columns = Math.Min(n, _columns);
        int panel = MicroKernels<ScalarLanes<T>, T>.MaximalRegisters * Math.Max(1, IsaLevel.Lanes * sizeof(float) / sizeof(T));
        _packsA = columns > panel
            && ((a.Row == 1 && (ReadsClash(a.Column) || IsFar(a.Column, depth, FarColumns))) || (!Vector512.IsHardwareAccelerated && m >= RepayingRowsOfA && n >= RepayingColumns));
        // A micro-kernel ends where B does, which rows that are one row never reach.
        _packsB = b.Column != 1 || b.Row == 0 || ReadsClash(b.Row) || (rows >= RepayingRows && IsFar(b.Row, depth, FarRows));
        long line = _sliceDepth * sizeof(T);
        _sharesA = shares && _packsA && _columnBlocks > 1 && line * m <= SharedSliceBytes && !TurnedProduct.Fits<T>(rows, columns, depth, b);
        _sharesB = shares && _packsB && _rowBlocks > 1 && line * n <= SharedSliceBytes;
        _fetchesB = _sharesB && !Vector512.IsHardwareAccelerated;
        bool sharesAny = _sharesA || _sharesB;

        // A long depth comes in rounds, whether they pack or not.
        long slices = MaximalUnitProduct * IsaLevel.Lanes / Math.Min(n, MinimalUnitColumns) / rows / _sliceDepth;
        if (sharesAny)
            slices = Math.Min(slices, RoundBytes / (line * ((_sharesA ? m : 0) + (_sharesB ? n : 0))));
        _roundSlices = Parts.Count(_slices, Parts.Count(_slices, (int)Math.Clamp(slices, 1, _slices)));
        if (sharesAny)
        {
            _columns = ColumnsOfUnit(n, _roundSlices * _sliceDepth);
            _columnBlocks = Parts.Count(n, _columns);
        }

        _rounds = Parts.Count(_slices, _roundSlices);
        UnitCount = StageEnd(StageCount - 1);
    }

    public int UnitCount { get; }

    public int StageCount => StagesPerRound * _rounds;

    /// <summary>Elements of workspace for a unit.</summary>
    public long WorkspaceElements => EdgeElements + ((long)_sliceDepth * GroupColumns) + (_packsA && !_sharesA ? PackedBlock : 0) + (Line / sizeof(T));

    public long SharedElements => _roundSlices * SharedSlice;

    /// <summary>Units that pack a slice: one for each block of rows of A and of columns of B.</summary>
    private int SliceCopies => (_sharesA ? _rowBlocks : 0) + (_sharesB ? _columnBlocks : 0);

    private int StagesPerRound => _sharesA || _sharesB ? 2 : 1;

    private int Blocks => checked(_rowBlocks * _columnBlocks);

    /// <summary>Units of each round but the last, which may have fewer slices.</summary>
    private int RoundUnits => checked((_roundSlices * SliceCopies) + Blocks);

    /// <summary>Elements of a unit's rows of a slice of A when they are packed.</summary>
    private long PackedBlock => Tiles(Math.Min(_m, _rows)) * PackedTile(_sliceDepth, Parts.Count(Math.Min(_m, _rows), Tiles(Math.Min(_m, _rows))));

    /// <summary>Elements of a unit's columns of a slice of B when they are packed.</summary>
    private long PackedColumns => (long)_sliceDepth * Parts.Count(Math.Min(_n, _columns), Line / sizeof(float)) * (Line / sizeof(float));

    private long SharedSlice => (_sharesA ? _rowBlocks * PackedBlock : 0) + (_sharesB ? _columnBlocks * PackedColumns : 0);

    public int StageEnd(int stage)
    {
        var (round, part) = Math.DivRem(stage, StagesPerRound);
        return checked((round * RoundUnits) + (SlicesOf(round) * SliceCopies) + (part == StagesPerRound - 1 ? Blocks : 0));
    }

    public bool Finishes(int unit)
    {
        var (round, part) = Math.DivRem(unit, RoundUnits);
        return round == _rounds - 1 && part >= SlicesOf(round) * SliceCopies;
    }

    /// <summary>The rectangle of C that a unit computes.</summary>
    public Block BlockOf(int unit)
    {
        var (round, part) = Math.DivRem(unit, RoundUnits);
        part -= SlicesOf(round) * SliceCopies;
        int row = part / _columnBlocks * _rows, column = part % _columnBlocks * _columns;
        return new Block(row, Math.Min(_rows, _m - row), column, Math.Min(_columns, _n - column));
    }

    public void Run<V>(in Matrix<T> a, in Matrix<T> b, T* c, long ldc, T* workspace, T* shared, int unit)
        where V : struct, ILanes<V, T>
    {
        var (round, part) = Math.DivRem(unit, RoundUnits);
        if (part < SlicesOf(round) * SliceCopies)
        {
            var (slice, copy) = Math.DivRem(part, SliceCopies);
            shared += slice * SharedSlice;
            slice += round * _roundSlices;
            if (_sharesA && copy < _rowBlocks)
                PackRows(a, slice, copy * _rows, shared + (copy * PackedBlock));
            else
                PackColumns<V>(b, slice, _sharesA ? copy - _rowBlocks : copy, shared + (_sharesA ? _rowBlocks * PackedBlock : 0));
            return;
        }

        int first = round * _roundSlices, end = first + SlicesOf(round);
        var block = BlockOf(unit);
        c += (block.Row * ldc) + block.Column;
        if (_rounds == 1 && TurnedProduct.Fits<T>((int)block.Rows, (int)block.Columns, _k / _slices, new(b.RowStride, b.ColumnStride)))
        {
            T* left = a.At(block.Row, 0), right = b.At(0, block.Column);
            TurnedProduct.Run((float*)left, a.RowStride, a.ColumnStride, (float*)right, b.ColumnStride, _k, _slices, (float*)c, ldc, (int)block.Rows, (int)block.Columns);
            return;
        }

        for (int slice = first; slice < end; slice++, shared += SharedSlice)
            Multiply<V>(a, b, c, ldc, block, slice, workspace, shared);
    }

    private int SlicesOf(int round) => Math.Min(_roundSlices, _slices - (round * _roundSlices));

    /// <summary>Where a slice begins; it ends where the next one begins.</summary>
    private int StartOf(int slice) => Parts.Start(_k, _slices, slice);

    /// <summary>Sets a rectangle of C to the products of the first slice, or adds those of another one.</summary>
    private void Multiply<V>(in Matrix<T> a, in Matrix<T> b, T* c, long ldc, Block block, int slice, T* workspace, T* shared)
        where V : struct, ILanes<V, T>
    {
        int rows = (int)block.Rows, columns = (int)block.Columns, p = StartOf(slice), depth = StartOf(slice + 1) - p;
        T* edge = workspace;
        T* group = edge + EdgeElements;
        T* packedRows = _sharesA ? shared + (block.Row / _rows * PackedBlock) : group + ((long)_sliceDepth * GroupColumns);
        T* panel = shared + (_sharesA ? _rowBlocks * PackedBlock : 0) + (block.Column / _columns * PackedColumns);
        T* left = a.At(block.Row, p);
        int packedTiles = Tiles(rows);
        long packedTile = PackedTile(depth, Parts.Count(rows, packedTiles));
        if (_packsA && !_sharesA)
            PackRows(a, slice, (int)block.Row, packedRows);
        for (int j = 0, width; j < columns; j += width)
        {
            if (_packsB && !_sharesB && j % GroupColumns == 0)
            {
                panel = group;
                PackGroup<V>(b.At(p, block.Column + j), b.ColumnStride, b.RowStride, Math.Min(GroupColumns, columns - j), depth, group);
            }

            int near = Math.Min(GroupColumns - (j % GroupColumns), columns - j);
            int registers = MicroKernels<V, T>.Registers(near), lanes = registers * V.Count;
            width = Math.Min(lanes, near);
            T* right = _packsB ? panel : b.At(p, block.Column + j);
            long rightStep = _packsB ? lanes : b.RowStride;
            if (!_packsB && width < lanes)
            {
                Packing.Panel(right, 1, b.RowStride, width, depth, lanes, group);
                right = group;
                rightStep = lanes;
            }

            panel += (long)lanes * depth;
            int tiles = _packsA ? packedTiles : MicroKernels<V, T>.Tiles(rows, registers), ahead = _fetchesB ? Parts.Count(lanes * depth * sizeof(T), tiles) : 0;
            for (int tile = 0; tile < tiles; tile++)
            {
                // With each tile a part of the panel that comes next.
                if (ahead > 0)
                    Prefetch.Second((byte*)panel + (tile * ahead), ahead);
                int i = Parts.Start(rows, tiles, tile), height = Parts.Start(rows, tiles, tile + 1) - i;
                T* to = c + (i * ldc) + j, target = width == lanes ? to : edge;
                long stride = width == lanes ? ldc : lanes;
                bool accumulate = width == lanes && slice > 0;
                if (_packsA)
                    MicroKernels<V, T>.RunPacked(height, registers, packedRows + (tile * packedTile), right, rightStep, depth, target, stride, accumulate);
                else
                    MicroKernels<V, T>.Run(height, registers, left + (i * a.RowStride), a.RowStride, a.ColumnStride, right, rightStep, depth, target, stride, accumulate);
                if (width < lanes)
                    AddEdge(edge, lanes, to, ldc, height, width, slice > 0);
            }
        }
    }

    /// <summary>Packs a unit's rows of a slice of A tile by tile: element (i, p) of a tile goes to p · height + i.</summary>
    private void PackRows(in Matrix<T> a, int slice, int row, T* packed)
    {
        int p = StartOf(slice), depth = StartOf(slice + 1) - p, rows = Math.Min(_rows, _m - row), tiles = Tiles(rows);
        long stride = PackedTile(depth, Parts.Count(rows, tiles));
        T* source = a.At(row, p);
        if (a.RowStride == 1)
        {
            PackTiles(source, a.ColumnStride, rows, tiles, depth, stride, packed);
            return;
        }

        for (int tile = 0; tile < tiles; tile++)
        {
            int i = Parts.Start(rows, tiles, tile), height = Parts.Start(rows, tiles, tile + 1) - i;
            Packing.Panel(source + (i * a.RowStride), a.RowStride, a.ColumnStride, height, depth, height, packed + (tile * stride));
        }
    }

    /// <summary>Packs a unit's columns of a slice of B to its place behind the first.</summary>
    private void PackColumns<V>(in Matrix<T> b, int slice, int block, T* packed)
        where V : struct, ILanes<V, T>
    {
        int p = StartOf(slice), depth = StartOf(slice + 1) - p, column = block * _columns, columns = Math.Min(_columns, _n - column);
        packed += block * PackedColumns;
        for (int j = 0; j < columns; j += GroupColumns)
            PackGroup<V>(b.At(p, column + j), b.ColumnStride, b.RowStride, Math.Min(GroupColumns, columns - j), depth, packed + ((long)j * depth));
    }

    /// <summary>Panels side by side, as <see cref="MicroKernels{V, T}.Registers"/> cuts them; the last one is padded with zeros to whole registers.</summary>
    private static void PackGroup<V>(T* source, long line, long step, int columns, int depth, T* group)
        where V : struct, ILanes<V, T>
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

    /// <summary>
    /// Packs contiguous columns. Where there are as many, eight elements are copied, of which the next column overwrites those
    /// behind the tile; no tile of the widest panel is higher.
    /// </summary>
    private static void PackTiles(T* source, long step, int rows, int tiles, int depth, long stride, T* packed)
    {
        const int Copied = 8, Columns = 8;
        for (int first = 0; first < depth; first += Columns)
        {
            int end = Math.Min(first + Columns, depth);
            for (int tile = 0; tile < tiles; tile++)
            {
                int i = Parts.Start(rows, tiles, tile), height = Parts.Start(rows, tiles, tile + 1) - i;
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

    private static void AddEdge(T* edge, int edgeStride, T* c, long ldc, int rows, int columns, bool accumulate)
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

    /// <summary>Tiles of packed rows: as high as those of the widest panel. How they are cut is up to the machine's registers, whichever lanes are asked.</summary>
    private static int Tiles(int rows) => MicroKernels<ScalarLanes<T>, T>.Tiles(rows, MicroKernels<ScalarLanes<T>, T>.MaximalRegisters);

    /// <summary>Elements from one packed tile to the next: an odd number of cache lines, so that tiles fall on all sets, with room for a copy behind the end.</summary>
    private static long PackedTile(int depth, int height) =>
        ((((long)depth * height * sizeof(T)) + (2 * Line) - 1) / Line | 1) * (Line / sizeof(T));

    /// <summary>Whether lines at this stride fall on the same few sets of the first-level cache.</summary>
    private static bool ReadsClash(long stride)
    {
        long bytes = Math.Abs(stride) * sizeof(T);
        return bytes > CacheWay - 128 && bytes % CacheWay is < 128 or > CacheWay - 128;
    }

    /// <summary>
    /// Whether so many lines at this stride span so much that those a narrow tile reads of each do not stay near. Tiles of 512 bits
    /// read longer pieces, which are fetched ahead.
    /// </summary>
    private static bool IsFar(long stride, int depth, long bytes) => !Vector512.IsHardwareAccelerated && depth * Math.Abs(stride) * sizeof(T) >= bytes;

    /// <summary>
    /// Blocks of rows are nearly equal and, but for the last, whole tiles. The depth of a slice of them stays in the second level,
    /// which is larger where registers have 512 bits; more rows repay packing B for each.
    /// </summary>
    private static int RowsOfUnit(int m, bool shares)
    {
        int most = Vector512.IsHardwareAccelerated ? 384 : shares ? 144 : 288, even = Parts.Count(m, Parts.Count(m, most));
        return Math.Min(most, Parts.Count(even, MaximalRows) * MaximalRows);
    }

    /// <param name="depth">How much of k a unit sums.</param>
    private int ColumnsOfUnit(int n, int depth)
    {
        long product = Math.Clamp((long)_m * n * depth / WantedUnits * _entries, MinimalUnitProduct, MaximalUnitProduct * IsaLevel.Lanes);
        long wanted = Math.Clamp(product / Math.Min(_m, _rows) / depth, MinimalUnitColumns, MaximalUnitColumns);
        int even = Parts.Count(n, Parts.Count(n, (int)wanted));
        return even <= MinimalUnitColumns ? MinimalUnitColumns : Parts.Count(even, ColumnGranule) * ColumnGranule;
    }
}
