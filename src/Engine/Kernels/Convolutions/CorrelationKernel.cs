using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// Runs a <see cref="Correlation"/> over source[N, G·planes, …] and weights, both contiguous. A unit is some slices (images ×
/// bands of rows) by some rows of some groups: it packs each slice's source once and holds the sums of a slice in cache. Weights
/// are packed once, by units of a stage before where several units read them. Each sum runs over the taps in order, in blocks of
/// <see cref="TapBlock"/>, whatever the unit.
/// </summary>
internal sealed unsafe class CorrelationKernel<T> : BlockKernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Taps of a tile's packed weights and source that stay in the first-level cache.</summary>
    private const int TapBlock = 256;

    /// <summary>Packed weights that stay near the core.</summary>
    private const long PackedWeights = 1 << 17;

    /// <summary>Multiply-adds that make a unit worth its packing and its hand-over to a thread.</summary>
    private const double UnitProducts = 1 << 21;

    /// <summary>Multiply-adds of a unit of a large convolution: a millisecond or two.</summary>
    private const double MaximalUnitProducts = 1 << 27;

    /// <summary>About so many units find work for several threads.</summary>
    private const int WantedUnits = 12;

    /// <summary>Outputs that stay near the core until what follows has read them.</summary>
    private const double UnitOutputs = 1 << 17;

    /// <summary>Sums that are made together and copied out while they are in cache.</summary>
    private const int CachedSums = 1 << 15;

    /// <summary>Positions that repay the packing of one unit's weights.</summary>
    private const int UnitPositions = 1024;

    /// <summary>Taps that are not worth being turned in registers.</summary>
    private const int ShortRun = 4;

    private readonly Correlation _correlation;
    private readonly CorrelationLoop<T> _loop;

    /// <summary>Tiles of one register and more, up to the one that is used before the last columns.</summary>
    private readonly CorrelationLoop<T>[] _loops;
    private readonly int _bands;
    private readonly int _blockRows;
    private readonly int _rowBlocks;
    private readonly int _blockGroups;
    private readonly long _slices;
    private readonly long _unitSlices;
    private readonly long _sliceUnits;

    /// <summary>Elements of the packed weights of a block of rows, and the units that pack one each for others; a single row is no work.</summary>
    private readonly long _blockWeights;
    private readonly long _packingUnits;
    private readonly int _lineStride;
    private readonly int _sumStride;
    private readonly InterleavedImages<T> _images;
    private readonly long[][] _offsets;

    /// <summary>Where a panel of the source has its taps; null where the source is read as it lies.</summary>
    private readonly long[]? _panelOffsets;

    public CorrelationKernel(Correlation correlation)
    {
        _correlation = correlation;
        var shape = correlation.Shape;
        _images = InterleavedImages<T>.For(correlation);
        long pitch = correlation.Band.Pitch, columns = correlation.Passes.Max(p => p.Columns.Count);
        var (height, registers) = TileTable<T>.CorrelationTileFor(correlation.Rows, _images.Count == 1 ? correlation.BandRows * pitch : columns * _images.Count);
        _loop = TileTable<T>.Correlation((height, registers));
        _loops = [.. Enumerable.Range(1, registers).Select(r => TileTable<T>.Correlation((height, r)))];
        long taps = correlation.Passes.Sum(p => (long)p.Taps);
        long panels = Math.Max(1, (correlation.Rows + height - 1) / height);
        var blocks = panels / Math.Clamp(PackedWeights / Math.Max(1, taps * height), 1, panels);
        _blockRows = (int)((panels + blocks - 1) / blocks * height);
        _rowBlocks = (correlation.Rows + _blockRows - 1) / _blockRows;
        _bands = (correlation.TotalRows + correlation.BandRows - 1) / correlation.BandRows;
        _offsets = [.. correlation.Passes.Select(p => _images.Count == 1 ? p.Offsets : CorrelationPass.Pinned(Array.ConvertAll(p.Offsets, o => o * _images.Count)))];
        _slices = ((long)shape.Batch + _images.Count - 1) / _images.Count * _bands;
        long positions = correlation.BandRows * pitch * _images.Count;
        var sliceProducts = Math.Max(1, (double)_blockRows * taps * positions / Math.Max(1, correlation.Passes.Length));
        var sliceOutputs = (double)_blockRows * positions;
        var wanted = Math.Min(Math.Clamp(shape.Products / WantedUnits, UnitProducts, MaximalUnitProducts) / sliceProducts, UnitOutputs / sliceOutputs);
        _unitSlices = (long)Math.Clamp(Math.Max(wanted, UnitPositions / positions), 1, Math.Max(1, _slices));
        _blockGroups = _unitSlices < _slices ? 1 : (int)Math.Clamp(wanted / Math.Max(1, _slices), 1, shape.Groups);
        _sliceUnits = (_slices + _unitSlices - 1) / _unitSlices;
        var outputs = (long)shape.Batch * shape.Groups * correlation.Rows * correlation.OutputRows * correlation.OutputColumns;
        _blockWeights = Aligned(taps * _blockRows);
        _packingUnits = outputs == 0 || _sliceUnits == 1 || _loop.Rows == 1 ? 0 : (long)shape.Groups * _rowBlocks;
        UnitCount = outputs == 0 ? 0 : _packingUnits + ((shape.Groups + _blockGroups - 1) / _blockGroups * _rowBlocks * _sliceUnits);
        StageCount = _packingUnits == 0 ? 1 : 2;
        SharedBytes = checked(_packingUnits * _blockWeights * sizeof(T));
        _lineStride = (int)Aligned(columns * _images.Count, TileTable<T>.Lanes);
        _sumStride = _images.Count > 1 ? correlation.BandRows * _lineStride : (int)Aligned(positions, _loop.Columns);

        // Elements that are spread over the output are better written plane by plane.
        if (_images.Count == 1 && correlation.Passes.All(p => p.Columns.Step == 1))
            _sumStride = (int)Math.Min(_sumStride, Aligned(CachedSums / _blockRows, _loop.Columns));
        if (_blockRows / height >= TileTable<T>.SourcePanelTiles)
            _panelOffsets = CorrelationPass.Pinned([.. Enumerable.Range(0, TapBlock).Select(p => (long)p * _loop.Columns)]);
        WorkspaceBytes = checked(((_packingUnits == 0 ? _blockWeights : 0) + PanelElements + SumElements + SourceElements + ScratchElements) * sizeof(T) + 128);
        Columns = (long)correlation.OutputRows * correlation.OutputColumns;
        Flops = 2 * shape.Products;
    }

    private long SumElements => Aligned((long)_blockRows * _sumStride);

    /// <summary>A tile at the end of a band reads some columns behind it.</summary>
    private long SourceElements => Aligned((_correlation.Band.Elements(_correlation.Planes) * _images.Count) + _loop.Columns);

    /// <summary>A row of the images that are interleaved, or its sums.</summary>
    private long ScratchElements => _images.Count == 1 ? 0 : Aligned(Math.Max(_correlation.Band.Pitch * _images.Count, _lineStride));

    private long PanelElements => _panelOffsets == null ? 0 : Aligned((long)TapBlock * _loop.Columns);

    public override long StageEnd(int stage) => stage + 1 < StageCount ? _packingUnits : UnitCount;

    /// <summary>The output is seen as [planes, positions]: a block for each group and slice.</summary>
    public override int BlocksOf(long unit)
    {
        if (unit < _packingUnits)
            return 0;
        var part = PartOf(unit);
        return checked((int)((part.LastGroup - part.FirstGroup) * (part.LastSlice - part.FirstSlice) * _images.Count));
    }

    public override Block BlockOf(long unit, int index)
    {
        var part = PartOf(unit);
        var (rest, offset) = Math.DivRem(index, _images.Count);
        var (group, slice) = Math.DivRem(rest, part.LastSlice - part.FirstSlice);
        var (block, band) = Math.DivRem(part.FirstSlice + slice, _bands);
        var image = (block * _images.Count) + offset;
        if (image >= _correlation.Shape.Batch)
            return default;
        var entry = (image * _correlation.Shape.Groups) + part.FirstGroup + group;
        int first = _correlation.FirstRowOf((int)band * _correlation.BandRows);
        int end = band + 1 < _bands ? _correlation.FirstRowOf(((int)band + 1) * _correlation.BandRows) : _correlation.OutputRows;
        return new Block((entry * _correlation.Rows) + part.FirstRow, part.Rows, (long)first * _correlation.OutputColumns, (long)(end - first) * _correlation.OutputColumns);
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        T* weights = (T*)arguments.Inputs[1], shared = (T*)arguments.Shared;
        if (unit < _packingUnits)
        {
            var (group, block) = Math.DivRem(unit, _rowBlocks);
            Pack(weights, group, (int)block * _blockRows, shared + (unit * _blockWeights));
            return;
        }

        var part = PartOf(unit);
        int firstRow = part.FirstRow, rowCount = part.Rows;
        T* sums = (T*)arguments.Workspace, source = sums + SumElements, scratch = source + SourceElements, panel = scratch + ScratchElements;
        var sourcePlane = (long)_correlation.SourceRows * _correlation.SourceColumns;
        for (var group = part.FirstGroup; group < part.LastGroup; group++)
        {
            T* packed = _packingUnits == 0 ? panel + PanelElements : shared + (((group * _rowBlocks) + (firstRow / _blockRows)) * _blockWeights);
            if (_packingUnits == 0)
                Pack(weights, group, firstRow, packed);
            for (var slice = part.FirstSlice; slice < part.LastSlice; slice++)
            {
                var (block, band) = Math.DivRem(slice, _bands);
                var entry = (block * _images.Count * _correlation.Shape.Groups) + group;
                var images = (int)Math.Min(_images.Count, _correlation.Shape.Batch - (block * _images.Count));
                var firstBandRow = (int)band * _correlation.BandRows;
                _correlation.Band.Fill(
                    (T*)arguments.Inputs[0] + (entry * _correlation.Planes * sourcePlane), _correlation.Planes, firstBandRow, source,
                    _images, _correlation.Shape.Groups * _correlation.Planes * sourcePlane, images, scratch);
                var output = (T*)arguments.Outputs[0] + (((entry * _correlation.Rows) + firstRow) * Columns);
                var panels = packed;
                for (var pass = 0; pass < _offsets.Length; pass++)
                {
                    RunPass(pass, source, panels, sums, firstBandRow, rowCount, images, scratch, panel, output);
                    panels += (long)_offsets[pass].Length * _blockRows;
                }
            }
        }
    }

    private (int FirstGroup, int LastGroup, int FirstRow, int Rows, long FirstSlice, long LastSlice) PartOf(long unit)
    {
        var (rest, slices) = Math.DivRem(unit - _packingUnits, _sliceUnits);
        var (groups, rows) = Math.DivRem((int)rest, _rowBlocks);
        var firstRow = rows * _blockRows;
        return (
            groups * _blockGroups, Math.Min(_correlation.Shape.Groups, (groups + 1) * _blockGroups),
            firstRow, Math.Min(_blockRows, _correlation.Rows - firstRow),
            slices * _unitSlices, Math.Min(_slices, (slices + 1) * _unitSlices));
    }

    private static long Aligned(long elements, int alignment = 16) => (elements + alignment - 1) / alignment * alignment;

    /// <summary>Sums of the pass's positions in the band, and their copy into the output.</summary>
    private void RunPass(int index, T* source, T* packed, T* sums, int firstBandRow, int rowCount, int images, T* scratch, T* panel, T* output)
    {
        var pass = _correlation.Passes[index];
        int pitch = _correlation.Band.Pitch;
        int first = Math.Max(firstBandRow, pass.Rows.Shift);
        int count = Math.Min(firstBandRow + _correlation.BandRows, pass.Rows.Shift + pass.Rows.Count) - first;
        if (count <= 0)
            return;
        source += (((long)(first - firstBandRow) * pitch) + pass.Columns.Shift) * _images.Count;
        output += ((pass.Rows.First + ((long)(first - pass.Rows.Shift) * pass.Rows.Step)) * _correlation.OutputColumns) + pass.Columns.First;
        fixed (long* offsets = _offsets[index])
        {
            if (_loop.Rows == 1)
            {
                RunRow(pass, source, packed, offsets, sums, count, output);
            }
            else if (_images.Count == 1)
            {
                // Positions are one long line with what lies between the rows.
                int length = ((count - 1) * pitch) + pass.Columns.Count;
                if (IsOneLine(pass) && length % TileTable<T>.Lanes == 0 && rowCount % _loop.Rows == 0)
                {
                    // Whole tiles: they need no copy.
                    Sum(pass, source, packed, offsets, length, rowCount, panel, output, Columns);
                    return;
                }

                for (var q = 0; q < length; q += _sumStride)
                {
                    var positions = Math.Min(_sumStride, length - q);
                    Sum(pass, source + q, packed, offsets, positions, rowCount, panel, sums, _sumStride);
                    CopyOut(pass, sums, q, positions, rowCount, output);
                }
            }
            else
            {
                for (var line = 0; line < count; line++)
                    Sum(pass, source + ((long)line * pitch * _images.Count), packed, offsets, pass.Columns.Count * _images.Count, rowCount, panel, sums + ((long)line * _lineStride), _sumStride);
                for (var r = 0; r < rowCount; r++)
                    TakeApart(pass, sums + ((long)r * _sumStride), count, images, output + (r * Columns), scratch);
            }
        }
    }

    /// <summary>Whether positions lie in a plane of the output as they do in the band.</summary>
    private bool IsOneLine(CorrelationPass pass) =>
        pass.Rows.Step == 1 && pass.Columns.Count == _correlation.Band.Pitch && _correlation.Band.Pitch == _correlation.OutputColumns;

    /// <summary>The sums of one row for some images.</summary>
    private void TakeApart(CorrelationPass pass, T* sums, int lines, int images, T* output, T* scratch)
    {
        var columns = pass.Columns.Count;

        // Lines that lie side by side are one.
        if (columns == _correlation.OutputColumns && pass.Rows.Step == 1 && columns * _images.Count == _lineStride)
            (lines, columns) = (1, lines * columns);
        for (var line = 0; line < lines; line++, sums += _lineStride, output += (long)pass.Rows.Step * _correlation.OutputColumns)
            _images.TakeApart(sums, columns, images, output, _correlation.Shape.Groups * _correlation.Rows * Columns, pass.Columns.Step, scratch);
    }

    /// <summary>Sums of some positions, for all rows.</summary>
    private void Sum(CorrelationPass pass, T* source, T* packed, long* offsets, int positions, int rowCount, T* panel, T* sums, long stride)
    {
        fixed (long* panelOffsets = _panelOffsets)
        {
            var tap = 0;
            do
            {
                int depth = Math.Min(TapBlock, pass.Taps - tap);
                for (int q = 0, columns; q < positions; q += columns)
                {
                    var loop = LoopFor(positions - q);
                    columns = loop.Columns;
                    T* from = source + q;
                    long* fromOffsets = offsets + tap;
                    if (panelOffsets != null)
                    {
                        TileTable<T>.SourcePanel(from, fromOffsets, depth, panel, _loop.Columns);
                        from = panel;
                        fromOffsets = panelOffsets;
                    }

                    for (var r = 0; r < rowCount; r += _loop.Rows)
                        loop.Run(packed + ((long)r * depth), from, fromOffsets, depth, sums + (r * stride) + q, stride, tap > 0);
                }

                packed += (long)depth * _blockRows;
                tap += depth;
            }
            while (tap < pass.Taps);
        }
    }

    /// <summary>
    /// The tile of the next of so many positions: no wider than they are, and narrower than the widest of three where that would
    /// leave a single register behind it, which loads as much as it computes.
    /// </summary>
    private CorrelationLoop<T> LoopFor(int positions)
    {
        var registers = (positions + TileTable<T>.Lanes - 1) / TileTable<T>.Lanes;
        return _loops[(registers == _loops.Length + 1 ? (registers + 1) / 2 : Math.Min(registers, _loops.Length)) - 1];
    }

    /// <summary>The sums of some positions of all rows, without those between the rows of the output.</summary>
    private void CopyOut(CorrelationPass pass, T* sums, int first, int positions, int rowCount, T* output)
    {
        int pitch = _correlation.Band.Pitch, columns = pass.Columns.Count, spread = pass.Columns.Step;
        var step = (long)pass.Rows.Step * _correlation.OutputColumns;
        var isOneLine = IsOneLine(pass);

        // What a plane takes lies side by side, and its lines arrive while the plane before it is written.
        long firstElement = first / pitch * step, endElement = ((first + positions - 1) / pitch * step) + _correlation.OutputColumns;
        for (var r = 0; r < rowCount; r++, sums += _sumStride, output += Columns)
        {
            if (r + 1 < rowCount)
                Prefetch.Second(output + Columns + firstElement, (endElement - firstElement) * sizeof(T));
            if (isOneLine)
                TileTable<T>.Copy(sums, 0, output + first, 0, 1, positions);

            // The end of a row, whole rows, the beginning of one.
            for (int q = 0, lines; q < positions && !isOneLine;)
            {
                var (t, x) = Math.DivRem(first + q, pitch);
                lines = x > 0 ? 1 : Math.Max(1, (positions - q + pitch - columns) / pitch);
                var count = Math.Min(columns - x, positions - q);
                if (count > 0)
                    CopyOut(sums + q, pitch, output + (t * step) + ((long)x * spread), step, lines, count, spread);
                q += (lines * pitch) - x;
            }
        }
    }

    private static void CopyOut(T* from, long fromStride, T* to, long toStride, int rows, int columns, int spread)
    {
        if (spread == 1)
        {
            TileTable<T>.Copy(from, fromStride, to, toStride, rows, columns);
            return;
        }

        for (var r = 0; r < rows; r++, from += fromStride, to += toStride)
            StridedRow.Scatter(from, to, spread, columns);
    }

    /// <summary>The sums of one row go straight to the output where they lie side by side there.</summary>
    private void RunRow(CorrelationPass pass, T* source, T* weights, long* offsets, T* sums, int count, T* output)
    {
        var pitch = _correlation.Band.Pitch;
        var isDirect = pass.Columns.Step == 1;
        TileTable<T>.Depthwise(
            weights, source, pitch, offsets, pass.Taps, isDirect ? output : sums,
            isDirect ? (long)pass.Rows.Step * _correlation.OutputColumns : pitch, count, pass.Columns.Count);
        if (!isDirect)
            CopyOut(sums, pitch, output, (long)pass.Rows.Step * _correlation.OutputColumns, count, pass.Columns.Count, pass.Columns.Step);
    }

    /// <summary>For each pass and block of taps, panels of the tile's rows: panel[p·rows + i]; missing rows are zero.</summary>
    private void Pack(T* weights, long group, int firstRow, T* packed)
    {
        var rowCount = Math.Min(_blockRows, _correlation.Rows - firstRow);
        weights += (group * _correlation.Planes * _correlation.Rows * _correlation.Shape.KernelElements) + (firstRow * _correlation.WeightRowStride);
        foreach (var pass in _correlation.Passes)
        {
            for (var tap = 0; tap < pass.Taps; tap += TapBlock)
            {
                int depth = Math.Min(TapBlock, pass.Taps - tap);
                for (int p = 0, end; p < depth; p = end)
                {
                    var from = pass.WeightOffsets[tap + p];
                    for (end = p + 1; end < depth && pass.WeightOffsets[tap + end] == from + end - p; end++)
                    {
                    }

                    for (var r = 0; r < rowCount; r += _loop.Rows)
                        PackRun(weights + (r * _correlation.WeightRowStride) + from, Math.Min(_loop.Rows, rowCount - r), end - p, packed + ((long)r * depth) + (p * _loop.Rows));
                }

                packed += (long)depth * _blockRows;
            }
        }
    }

    /// <summary>Taps whose weights lie side by side are turned together.</summary>
    private void PackRun(T* weights, int rows, int depth, T* panel)
    {
        if (depth >= ShortRun)
        {
            Packing.Panel(weights, _correlation.WeightRowStride, 1, rows, depth, _loop.Rows, panel);
            return;
        }

        for (var p = 0; p < depth; p++, weights++)
        {
            var from = weights;
            for (var i = 0; i < rows; i++, from += _correlation.WeightRowStride)
                *panel++ = *from;
            for (var i = rows; i < _loop.Rows; i++)
                *panel++ = T.Zero;
        }
    }
}
