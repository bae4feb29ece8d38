using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// dW[g·M + m, c, k] = Σ over images n and positions q of G[n, g·M + m, q] · x at tap (c, k) of q, for contiguous x[N, G·C, …] and
/// G[N, G·M, …]. The images are cut into chunks by the shape; a unit sums one chunk for some channels and filters of a
/// group into its part of the shared block, and the units behind them add the chunks in order.
/// </summary>
internal sealed unsafe class WeightGradientKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MaximalChunks = 16;
    private const long PartialBytes = 8 << 20;
    private const int BlockFilters = 128;
    private const long BandElements = 1 << 15;

    /// <summary>Positions of a band, whose gradients for a tile's filters stay near the core.</summary>
    private const int BandPositions = 1024;
    private const double UnitProducts = 1 << 25;
    private const double ChunkProducts = 1 << 21;

    /// <summary>Positions of the gradients that are on their way while others are turned.</summary>
    private const int PositionsAhead = 64;

    /// <summary>About so many units find work for several threads.</summary>
    private const int WantedUnits = 12;
    private const long CombinedElements = 1 << 18;

    private readonly ConvolutionShape _shape;
    private readonly PaddedPlanes _band;
    private readonly int _bandRows;
    private readonly int _bands;
    private readonly bool _isWide;
    private readonly int _height;
    private readonly int _filters;
    private readonly int _blockFilters;
    private readonly int _filterBlocks;
    private readonly int _blockChannels;
    private readonly int _channelBlocks;
    private readonly int _unitBlocks;
    private readonly int _blockUnits;
    private readonly int _blockTaps;
    private readonly int _chunks;
    private readonly int _chunkImages;
    private readonly long[] _offsets;
    private readonly long _combinedRows;

    public WeightGradientKernel(ConvolutionShape shape)
    {
        _shape = shape;
        var lanes = TileTable<T>.Lanes;
        _filters = (shape.Filters + lanes - 1) / lanes * lanes;
        _blockFilters = Math.Min(_filters, BlockFilters);
        _filterBlocks = (_filters + _blockFilters - 1) / Math.Max(1, _blockFilters);
        long positions = (long)shape.Rows.Output * shape.Columns.Output;
        var products = Math.Max(1, (double)_blockFilters * shape.KernelElements * positions);
        _chunkImages = (int)Math.Clamp(ChunkProducts / (products * Math.Max(1, shape.Channels)), 1, Math.Max(1, shape.Batch));
        long chunk = (long)shape.Groups * shape.Channels * shape.KernelElements * _filters * sizeof(T);
        var most = (int)Math.Clamp(PartialBytes / Math.Max(1, chunk), 1, MaximalChunks);
        _chunkImages = Math.Max(_chunkImages, (shape.Batch + most - 1) / most);
        _chunks = Math.Max(1, (shape.Batch + _chunkImages - 1) / _chunkImages);
        _blockChannels = (int)Math.Clamp(UnitProducts / (products * _chunkImages), 1, Math.Max(1, shape.Channels));
        _channelBlocks = (shape.Channels + _blockChannels - 1) / _blockChannels;
        var pitch = shape.Columns.Output + (long)shape.Columns.Reach;
        _bandRows = (int)Math.Clamp(Math.Min(BandElements / pitch / _blockChannels, BandPositions / Math.Max(1, shape.Columns.Output)), 1, Math.Max(1, shape.Rows.Output));
        _bands = (shape.Rows.Output + _bandRows - 1) / _bandRows;
        _band = PaddedPlanes.OfInput(shape, _bandRows, PaddedPlanes.WidthOfInput(shape));
        _isWide = TileTable<T>.WideWeightGradient != null && _blockFilters % (WideWeightGradientTile<Lanes512<T>, T>.Registers * lanes) == 0;
        _height = _isWide ? WideWeightGradientTile<Lanes512<T>, T>.Taps : TileTable<T>.HeightFor(_blockChannels * shape.KernelElements);
        _blockTaps = ((_blockChannels * shape.KernelElements) + _height - 1) / _height * _height;
        _offsets = CorrelationPass.Pinned([.. Enumerable.Range(0, _blockTaps).Select(Offset)]);

        var weights = (long)shape.Groups * shape.Filters * shape.Channels * shape.KernelElements;
        var partials = weights == 0 ? 0 : checked((long)_chunks * shape.Groups * _filterBlocks * _channelBlocks);

        // One unit turns the gradients once for all of its blocks of channels.
        _unitBlocks = (int)Math.Clamp(shape.Products / WantedUnits / (products * _chunkImages * _blockChannels), 1, Math.Max(1, _channelBlocks));
        _blockUnits = (_channelBlocks + _unitBlocks - 1) / _unitBlocks;
        ConcurrentUnits = weights == 0 ? 0 : (long)_chunks * shape.Groups * _filterBlocks * _blockUnits;
        var rowElements = (long)shape.Channels * shape.KernelElements * _chunks;
        _combinedRows = Math.Max(1, CombinedElements / Math.Max(1, rowElements));
        UnitCount = weights == 0 ? 0 : ConcurrentUnits + ((((long)shape.Groups * shape.Filters) + _combinedRows - 1) / _combinedRows);
        SharedBytes = checked(partials * PartialElements * sizeof(T));
        WorkspaceBytes = checked((SourceElements + ((long)_bandRows * shape.Columns.Output * _blockFilters)) * sizeof(T) + 64);
        Flops = 2 * shape.Products;
    }

    /// <summary>The sums of one block of channels: [taps, filters].</summary>
    private long PartialElements => (long)_blockTaps * _blockFilters;

    private long SourceElements => (_band.Elements(_blockChannels) + 15) / 16 * 16;

    public override void Run(in KernelArguments arguments, long unit)
    {
        if (unit >= ConcurrentUnits)
            Combine((T*)arguments.Shared, (T*)arguments.Outputs[0], (unit - ConcurrentUnits) * _combinedRows);
        else
            Accumulate((T*)arguments.Inputs[0], (T*)arguments.Inputs[1], (T*)arguments.Workspace, (T*)arguments.Shared, unit);
    }

    private long Offset(int tap)
    {
        // Taps that only fill the last tile repeat the last one.
        tap = Math.Min(tap, (_blockChannels * _shape.KernelElements) - 1);
        var (channel, k) = Math.DivRem(tap, _shape.KernelElements);
        return (channel * _band.ChannelElements) + _band.OffsetOf(k / _shape.Columns.Kernel, k % _shape.Columns.Kernel);
    }

    private void Accumulate(T* x, T* g, T* workspace, T* partials, long unit)
    {
        var (rest, blockUnit) = Math.DivRem(unit, _blockUnits);
        var sums = partials + (((rest * _channelBlocks) + (blockUnit * _unitBlocks)) * PartialElements);
        (rest, var filterBlock) = Math.DivRem(rest, _filterBlocks);
        var (chunk, group) = Math.DivRem(rest, _shape.Groups);
        int firstBlock = (int)blockUnit * _unitBlocks, blocks = Math.Min(_unitBlocks, _channelBlocks - firstBlock);
        int firstFilter = (int)filterBlock * _blockFilters, filters = Math.Min(_blockFilters, _shape.Filters - firstFilter);
        long plane = (long)_shape.Rows.Input * _shape.Columns.Input, positions = (long)_shape.Rows.Output * _shape.Columns.Output;
        T* source = workspace, transposed = workspace + SourceElements;
        Clear(sums, blocks * PartialElements);
        // The channels that a last block lacks, and the filters that fill up a register.
        Clear(workspace, SourceElements + ((long)_bandRows * _shape.Columns.Output * _blockFilters));
        var lastImage = Math.Min(_shape.Batch, (chunk + 1) * _chunkImages);
        for (var image = chunk * _chunkImages; image < lastImage; image++)
        {
            var entry = (image * _shape.Groups) + group;
            for (var band = 0; band < _bands; band++)
            {
                int firstRow = band * _bandRows, rows = Math.Min(_bandRows, _shape.Rows.Output - firstRow);
                Transpose(g + (((entry * _shape.Filters) + firstFilter) * positions) + ((long)firstRow * _shape.Columns.Output), positions, filters, rows * _shape.Columns.Output, transposed);
                for (var block = 0; block < blocks; block++)
                {
                    int firstChannel = (firstBlock + block) * _blockChannels, channels = Math.Min(_blockChannels, _shape.Channels - firstChannel);
                    _band.Fill(x + (((entry * _shape.Channels) + firstChannel) * plane), channels, firstRow, source);
                    AddBand(source, transposed, rows, ((channels * _shape.KernelElements) + _height - 1) / _height * _height, sums + (block * PartialElements));
                }
            }
        }
    }

    private static void Clear(T* elements, long count)
    {
        for (long i = 0; i < count; i += 1 << 20)
            new Span<T>(elements + i, (int)Math.Min(1 << 20, count - i)).Clear();
    }

    private void AddBand(T* source, T* transposed, int rows, int taps, T* sums)
    {
        var loop = TileTable<T>.WeightGradient(_height);
        var wide = TileTable<T>.WideWeightGradient;
        var positions = (long)rows * _shape.Columns.Output;
        fixed (long* offsets = _offsets)
        {
            for (int m = 0, panel; m < _blockFilters; m += panel, sums += panel)
            {
                panel = PanelFrom(m);
                var b = transposed + (m * positions);
                for (var tap = 0; tap < taps; tap += _height)
                {
                    if (_isWide)
                        wide(source, offsets + tap, rows, _shape.Columns.Output, _band.Pitch, b, panel, sums + ((long)tap * _blockFilters), _blockFilters);
                    else if (panel > TileTable<T>.Lanes)
                        loop.Two(source, offsets + tap, rows, _shape.Columns.Output, _band.Pitch, b, panel, sums + ((long)tap * _blockFilters), _blockFilters);
                    else
                        loop.One(source, offsets + tap, rows, _shape.Columns.Output, _band.Pitch, b, panel, sums + ((long)tap * _blockFilters), _blockFilters);
                }
            }
        }
    }

    /// <summary>Filters of the tile that begins with one: two registers, or one at the end; four everywhere if tiles are wide.</summary>
    private int PanelFrom(int filter) => Math.Min((_isWide ? WideWeightGradientTile<Lanes512<T>, T>.Registers : 2) * TileTable<T>.Lanes, _blockFilters - filter);

    /// <summary>Panels of a tile's filters, each to[q, m] = g[m, q] for the filters that there are.</summary>
    private void Transpose(T* g, long stride, int filters, int positions, T* to)
    {
        for (int m = 0, panel; m < filters; m += panel)
        {
            panel = PanelFrom(m);
            for (var q = 0; q < positions; q += PositionsAhead)
            {
                var next = Math.Min(PositionsAhead, positions - q - PositionsAhead);
                for (var i = 0; i < panel && i < filters - m && next > 0; i++)
                    Prefetch.Second(g + ((m + i) * stride) + q + PositionsAhead, (long)next * sizeof(T));
                Transposition.Run(g + (m * stride) + q, stride, Math.Min(panel, filters - m), Math.Min(PositionsAhead, positions - q), panel, to + ((long)m * positions) + ((long)q * panel));
            }
        }
    }

    /// <summary>Some rows of dW[G·M, C·K]: the sum of the chunks' parts, first to last.</summary>
    private void Combine(T* partials, T* output, long firstRow)
    {
        int kernel = _shape.KernelElements;
        var lastRow = Math.Min((long)_shape.Groups * _shape.Filters, firstRow + _combinedRows);
        for (var row = firstRow; row < lastRow; row++)
        {
            var (group, filter) = Math.DivRem(row, _shape.Filters);
            var (filterBlock, lane) = Math.DivRem(filter, _blockFilters);
            for (var channelBlock = 0; channelBlock < _channelBlocks; channelBlock++)
            {
                int first = channelBlock * _blockChannels, taps = Math.Min(_blockChannels, _shape.Channels - first) * kernel;
                var to = output + (((row * _shape.Channels) + first) * kernel);
                for (long chunk = 0; chunk < _chunks; chunk++)
                {
                    var unit = (((((chunk * _shape.Groups) + group) * _filterBlocks) + filterBlock) * _channelBlocks) + channelBlock;
                    var from = partials + (unit * PartialElements) + lane;
                    for (var tap = 0; tap < taps; tap++, from += _blockFilters)
                        to[tap] = chunk == 0 ? *from : to[tap] + *from;
                }
            }
        }
    }
}
