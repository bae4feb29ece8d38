using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// Copies of bands of planes in which every tap of a convolution is a contiguous read: zero-padded, and with strides taken
/// apart, so that plane (fy, fx) holds the elements at y·strideY + fy, x·strideX + fx of the padded input. Position
/// q = y·Pitch + x of the output then meets tap (ky, kx) at q plus an offset of the tap alone, and no column matrix is made.
/// </summary>
/// <remarks>
/// The columns from the output's width to the pitch give sums that are never stored. They are few: what lies behind a row and
/// what lies in front of the next one are the same columns.
/// </remarks>
internal sealed unsafe class PaddedPlanes
{
    /// <summary>Bytes that are on their way while others are copied.</summary>
    private const int BytesAhead = 1 << 12;

    private readonly WindowAxis _rows;
    private readonly WindowAxis _columns;
    private readonly int[] _rowPhases;
    private readonly int[] _columnPhases;
    private readonly int _top;
    private readonly int _left;
    private readonly int _tail;

    /// <param name="rows">Input and stride of the vertical axis; the stride is how many planes it is split into.</param>
    /// <param name="columns">The same of the horizontal axis.</param>
    /// <param name="top">Zero rows in front; negative where rows are left out.</param>
    /// <param name="left">Zero columns in front.</param>
    /// <param name="rowPhases">Which of the split planes any tap reads.</param>
    /// <param name="columnPhases">The same for columns.</param>
    /// <param name="bandRows">Rows of a band.</param>
    /// <param name="width">Columns that the positions of a row read.</param>
    /// <param name="pitch">Columns from one row to the next.</param>
    public PaddedPlanes(WindowAxis rows, WindowAxis columns, int top, int left, int[] rowPhases, int[] columnPhases, int bandRows, int width, int pitch)
    {
        (_rows, _columns, _top, _left, _rowPhases, _columnPhases) = (rows, columns, top, left, rowPhases, columnPhases);
        (BandRows, Pitch) = (bandRows, pitch);
        _tail = Math.Max(0, width - pitch);
    }

    public int BandRows { get; }

    public int Pitch { get; }

    /// <summary>Elements of one channel's band.</summary>
    public long ChannelElements => (long)_rowPhases.Length * _columnPhases.Length * BandRows * Pitch;

    /// <summary>Elements of some channels' bands and of what the last row of the last one has behind it.</summary>
    public long Elements(int channels) => (channels * ChannelElements) + _tail;

    /// <summary>The planes that a strided convolution reads, for bands of some rows of its output.</summary>
    public static PaddedPlanes OfInput(ConvolutionShape shape, int outputRows, int pitch) => new(
        shape.Rows, shape.Columns, shape.Rows.Pad, shape.Columns.Pad, Phases(shape.Rows), Phases(shape.Columns), outputRows + shape.Rows.Reach, WidthOfInput(shape), pitch);

    /// <summary>A pitch for loops that go row by row, to which it is all the same.</summary>
    public static int WidthOfInput(ConvolutionShape shape) => shape.Columns.Output + shape.Columns.Reach;

    /// <summary>A pitch for loops over all positions in one line.</summary>
    public static int PitchOfInput(ConvolutionShape shape) =>
        PitchOf(shape.Columns, shape.Columns.Pad, Phases(shape.Columns), shape.Columns.Output, WidthOfInput(shape));

    /// <summary>The least pitch at which a row that reads beyond it meets only the columns in front of the next row.</summary>
    public static int PitchOf(WindowAxis columns, int left, int[] phases, int positions, int width)
    {
        var pitch = Math.Max(1, positions);
        foreach (var phase in phases)
        {
            var (first, count, _) = Inside(columns, phase - left, width);
            if (count > 0)
                pitch = Math.Max(pitch, Math.Max(first + count, width - first));
        }

        return pitch;
    }

    /// <summary>Where the first position of a band meets a kernel element, in a channel of planes made by <see cref="OfInput"/>.</summary>
    public long OffsetOf(int kernelRow, int kernelColumn)
    {
        long y = (long)kernelRow * _rows.Dilation, x = (long)kernelColumn * _columns.Dilation;
        long plane = (Array.IndexOf(_rowPhases, (int)(y % _rows.Stride)) * _columnPhases.Length) + Array.IndexOf(_columnPhases, (int)(x % _columns.Stride));
        return (((plane * BandRows) + (y / _rows.Stride)) * Pitch) + (x / _columns.Stride);
    }

    /// <summary>Copies the bands that begin at a row of the split planes, with a value for what lies outside.</summary>
    public void Fill<T>(T* source, int channels, int firstRow, T* band, T outside = default)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Fill(source, channels, firstRow, band, new(1), 0, 1, null, outside);

    /// <summary>Fills the bands of some images, <paramref name="step"/> elements from one to the next; the lanes that are left get the value too.</summary>
    /// <param name="scratch">Room for a row of the images.</param>
    public void Fill<T>(T* source, int channels, int firstRow, T* band, InterleavedImages<T> images, long step, int count, T* scratch, T outside = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var plane = (long)_rows.Input * _columns.Input;
        var size = (long)BandRows * Pitch * images.Count;
        var (firstElement, elements) = Read(firstRow);
        var ahead = 1 + (BytesAhead / (sizeof(T) * Math.Max(1, elements)));
        var fetched = images.Count == 1 ? 0 : channels;
        for (var c = 0; c < channels; c++, source += plane)
        {
            for (; fetched < channels && fetched <= c + ahead; fetched++)
                Prefetch.Second(source + ((fetched - c) * plane) + firstElement, elements * sizeof(T));
            foreach (var fy in _rowPhases)
            {
                var rows = Inside(_rows, ((long)firstRow * _rows.Stride) + fy - _top, BandRows);
                foreach (var fx in _columnPhases)
                {
                    var columns = Inside(_columns, fx - _left, Pitch);
                    if (rows.Count < BandRows || columns.Count < Pitch || count < images.Count)
                        FillAll(band, size, outside);
                    if (rows.Count > 0 && columns.Count > 0)
                    {
                        T* from = source + (rows.Input * _columns.Input) + columns.Input, to = band + ((((long)rows.First * Pitch) + columns.First) * images.Count);
                        if (images.Count == 1)
                            Copy(from, rows.Count, columns.Count, to);
                        else
                            Interleave(from, rows.Count, columns.Count, to, images, step, count, scratch);
                    }

                    band += size;
                }
            }
        }

        FillAll(band, (long)_tail * images.Count, outside);
    }

    /// <summary>The first element of a channel that a band reads, and how many there are.</summary>
    private (long First, long Count) Read(int firstRow)
    {
        var (_, count, first) = Inside(_rows with { Stride = 1 }, ((long)firstRow * _rows.Stride) - _top, (int)Math.Min(int.MaxValue, (long)BandRows * _rows.Stride));
        return (first * _columns.Input, (long)count * _columns.Input);
    }

    private static int[] Phases(WindowAxis axis) =>
        [.. Enumerable.Range(0, (int)Math.Min(axis.Kernel, axis.Stride)).Select(k => (int)((long)k * axis.Dilation % axis.Stride)).Distinct().Order()];

    /// <summary>The positions [First, First + Count) of a band whose element at position·stride + shift lies inside, and the first of these elements.</summary>
    private static (int First, int Count, long Input) Inside(WindowAxis axis, long shift, int length)
    {
        var first = (int)Math.Min(length, shift >= 0 ? 0 : (-shift + axis.Stride - 1) / axis.Stride);
        var end = (int)Math.Clamp(shift >= axis.Input ? 0 : ((axis.Input - 1 - shift) / axis.Stride) + 1, first, length);
        return (first, end - first, ((long)first * axis.Stride) + shift);
    }

    private static void FillAll<T>(T* band, long count, T outside)
        where T : unmanaged
    {
        for (long i = 0; i < count; i += 1 << 20)
            new Span<T>(band + i, (int)Math.Min(1 << 20, count - i)).Fill(outside);
    }

    private void Copy<T>(T* source, int rows, int columns, T* band)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var step = (long)_rows.Stride * _columns.Input;
        if (_columns.Stride == 1)
        {
            TileTable<T>.Copy(source, step, band, Pitch, rows, columns);
            return;
        }

        for (var r = 0; r < rows; r++, source += step, band += Pitch)
            StridedRow.Gather(source, _columns.Stride, band, columns);
    }

    private void Interleave<T>(T* source, int rows, int columns, T* band, InterleavedImages<T> images, long step, int count, T* scratch)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Rows that lie side by side are one.
        if (_rows.Stride == 1 && columns == _columns.Input && columns == Pitch)
            (rows, columns) = (1, rows * columns);
        for (var r = 0; r < rows; r++, source += (long)_rows.Stride * _columns.Input, band += (long)Pitch * images.Count)
            images.Interleave(source, step, count, _columns.Stride, columns, scratch, band);
    }
}
