namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// out[n, g, row, …] = Σ over planes and kernel elements of source · weights: a convolution (rows are filters, planes
/// channels) or its data gradient (rows are channels, planes filters), bound to sizes.
/// </summary>
internal sealed class Correlation
{
    /// <summary>Elements of the source's band that stay in the second-level cache.</summary>
    private const long BandElements = 1 << 17;

    /// <summary>Positions of a band; one row at least.</summary>
    private const int BandPositions = 1024;

    private Correlation(ConvolutionShape shape, bool isGradient)
    {
        Shape = shape;
        (Planes, Rows) = isGradient ? (shape.Filters, shape.Channels) : (shape.Channels, shape.Filters);
        (SourceRows, SourceColumns) = isGradient ? (shape.Rows.Output, shape.Columns.Output) : (shape.Rows.Input, shape.Columns.Input);
        (OutputRows, OutputColumns) = isGradient ? (shape.Rows.Input, shape.Columns.Input) : (shape.Rows.Output, shape.Columns.Output);
        WeightRowStride = isGradient ? shape.KernelElements : (long)shape.Channels * shape.KernelElements;
    }

    public ConvolutionShape Shape { get; }

    /// <summary>Planes of the source in a group.</summary>
    public int Planes { get; }

    /// <summary>Planes of the output in a group.</summary>
    public int Rows { get; }

    public int SourceRows { get; }

    public int SourceColumns { get; }

    public int OutputRows { get; }

    public int OutputColumns { get; }

    public long WeightRowStride { get; }

    public PaddedPlanes Band { get; private init; } = null!;

    /// <summary>Rows t of a band, and of all bands together.</summary>
    public int BandRows { get; private init; }

    public int TotalRows { get; private init; }

    public CorrelationPass[] Passes { get; private init; } = [];

    /// <summary>The output's rows that a band completes: row t of the bands begins at t · RowStep − RowShift.</summary>
    public int RowStep { get; private init; } = 1;

    public long RowShift { get; private init; }

    public int FirstRowOf(int bandRow) => (int)Math.Clamp(((long)bandRow * RowStep) - RowShift, 0, OutputRows);

    public static Correlation Forward(ConvolutionShape shape)
    {
        var pitch = shape.Filters == 1 ? PaddedPlanes.WidthOfInput(shape) : PaddedPlanes.PitchOfInput(shape);
        var rows = RowsOfBand(shape.Channels, shape.Rows.Output, shape.Rows.Reach, pitch);
        var band = PaddedPlanes.OfInput(shape, rows, pitch);
        var taps = new List<(long, long)>();
        for (var c = 0; c < shape.Channels; c++)
        {
            for (var k = 0; k < shape.KernelElements; k++)
                taps.Add(((c * band.ChannelElements) + band.OffsetOf(k / shape.Columns.Kernel, k % shape.Columns.Kernel), ((long)c * shape.KernelElements) + k));
        }

        return new Correlation(shape, isGradient: false)
        {
            Band = band,
            BandRows = rows,
            TotalRows = shape.Rows.Output,
            Passes = [Pass(new(0, shape.Rows.Output, 0, 1), new(0, shape.Columns.Output, 0, 1), taps)],
        };
    }

    /// <summary>
    /// With u = i + pad = t·stride + r, the kernel elements k with k·dilation ≡ r meet i from output t − ⌊k·dilation/stride⌋.
    /// </summary>
    public static Correlation DataGradient(ConvolutionShape shape)
    {
        var (vertical, horizontal) = (shape.Rows, shape.Columns);
        int height = Positions(vertical), positions = Positions(horizontal), width = positions + horizontal.Reach;
        int top = vertical.Reach - Least(vertical), left = horizontal.Reach - Least(horizontal);
        var pitch = shape.Channels == 1 ? width : PaddedPlanes.PitchOf(Source(horizontal), left, [0], positions, width);
        var rows = RowsOfBand(shape.Filters, height, vertical.Reach, pitch);
        var band = new PaddedPlanes(Source(vertical), Source(horizontal), top, left, [0], [0], rows + vertical.Reach, width, pitch);
        var passes = new List<CorrelationPass>();
        for (var fy = 0; fy < Math.Min((long)vertical.Stride, vertical.Input + (long)vertical.Pad); fy++)
        {
            for (var fx = 0; fx < Math.Min((long)horizontal.Stride, horizontal.Input + (long)horizontal.Pad); fx++)
            {
                PassAxis y = Remainder(vertical, fy), x = Remainder(horizontal, fx);
                if (y.Count > 0 && x.Count > 0)
                    passes.Add(Pass(y, x, GradientTaps(shape, band, fy, fx)));
            }
        }

        return new Correlation(shape, isGradient: true)
        {
            Band = band,
            BandRows = rows,
            TotalRows = height,
            Passes = [.. passes],
            RowStep = vertical.Stride,
            RowShift = vertical.Pad % vertical.Stride,
        };
    }

    private static List<(long, long)> GradientTaps(ConvolutionShape shape, PaddedPlanes band, int fy, int fx)
    {
        var taps = new List<(long, long)>();
        for (var m = 0; m < shape.Filters; m++)
        {
            for (var k = 0; k < shape.KernelElements; k++)
            {
                var (ey, ry) = Math.DivRem((long)(k / shape.Columns.Kernel) * shape.Rows.Dilation, shape.Rows.Stride);
                var (ex, rx) = Math.DivRem((long)(k % shape.Columns.Kernel) * shape.Columns.Dilation, shape.Columns.Stride);
                if (ry == fy && rx == fx)
                    taps.Add(((m * band.ChannelElements) + ((shape.Rows.Reach - ey) * band.Pitch) + shape.Columns.Reach - ex, ((long)m * shape.Channels * shape.KernelElements) + k));
            }
        }

        return taps;
    }

    private static CorrelationPass Pass(PassAxis rows, PassAxis columns, List<(long Offset, long Weight)> taps) =>
        new(rows, columns, [.. taps.Select(t => t.Offset)], [.. taps.Select(t => t.Weight)]);

    private static WindowAxis Source(WindowAxis axis) => new(axis.Output, axis.Kernel, 0, 1, 1, 0);

    /// <summary>The least t of any input.</summary>
    private static int Least(WindowAxis axis) => axis.Pad / axis.Stride;

    private static int Positions(WindowAxis axis) => (int)(((axis.Input - 1L + axis.Pad) / axis.Stride) - Least(axis) + 1);

    private static PassAxis Remainder(WindowAxis axis, int remainder)
    {
        var t = remainder >= axis.Pad % axis.Stride ? Least(axis) : Least(axis) + 1;
        var first = ((long)t * axis.Stride) + remainder - axis.Pad;
        var count = first >= axis.Input ? 0 : ((axis.Input - 1 - first) / axis.Stride) + 1;
        return new(t - Least(axis), (int)count, (int)first, axis.Stride);
    }

    /// <summary>Bands of the same height.</summary>
    private static int RowsOfBand(int planes, int rows, int reach, long pitch)
    {
        var most = (int)Math.Clamp(Math.Min(BandPositions / pitch, (BandElements / (pitch * Math.Max(1, planes))) - reach), 1, Math.Max(1, rows));
        var bands = Math.Max(1, (rows + most - 1) / most);
        return Math.Max(1, (rows + bands - 1) / bands);
    }
}
