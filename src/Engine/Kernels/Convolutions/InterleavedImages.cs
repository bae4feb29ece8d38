using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// A few images side by side, element by element: position q of image i is at q · <see cref="Count"/> + i, so that a register
/// holds one position of all of them and short rows waste no lanes.
/// </summary>
/// <param name="Count">Lanes of a register, or 1 for images that lie one behind another.</param>
internal readonly unsafe record struct InterleavedImages<T>(int Count)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Elements of the source's bands that stay in the second-level cache.</summary>
    private const long SourceElements = 1 << 17;

    /// <summary>Multiply-adds in whose time an element is turned.</summary>
    private const double Turn = 12;

    /// <summary>Interleaves where turning costs less than the lanes that the ends of rows and tiles waste.</summary>
    public static InterleavedImages<T> For(Correlation correlation)
    {
        int lanes = TileTable<T>.Lanes, tileColumns = 2 * lanes, pitch = correlation.Band.Pitch, columns = correlation.Passes.Max(p => p.Columns.Count);
        double batch = correlation.Shape.Batch, passes = correlation.Passes.Length;
        var source = correlation.Planes * correlation.Band.ChannelElements;
        if (lanes == 1 || correlation.Rows == 1 || batch < lanes || source > SourceElements / lanes)
            return new(1);
        var positions = correlation.BandRows * columns * passes;
        var products = correlation.Passes.Sum(p => (double)p.Taps) / passes * correlation.Rows;
        var line = ((correlation.BandRows - 1) * (double)pitch) + columns;
        var alone = products * Math.Ceiling(line / tileColumns) * tileColumns / (correlation.BandRows * columns);
        var together = (products + (Turn * ((source / positions) + correlation.Rows))) * Math.Ceiling(batch / lanes) * lanes / batch;
        return new(together < alone ? lanes : 1);
    }

    /// <summary>Copies a row of each of some images, <paramref name="step"/> elements from one to the next, of which every n-th element counts.</summary>
    public void Interleave(T* source, long step, int images, int stride, int columns, T* scratch, T* to)
    {
        if (stride > 1)
        {
            for (var i = 0; i < images; i++)
                StridedRow.Gather(source + (i * step), stride, scratch + ((long)i * columns), columns);
            source = scratch;
            step = columns;
        }

        Transposition.Run(source, step, images, columns, Count, to);
    }

    /// <summary>The reverse: a row goes to each of some images.</summary>
    public void TakeApart(T* row, int columns, int images, T* to, long step, int stride, T* scratch)
    {
        if (stride == 1)
        {
            Transposition.Run(row, Count, columns, images, step, to);
            return;
        }

        Transposition.Run(row, Count, columns, images, columns, scratch);
        for (var i = 0; i < images; i++)
            StridedRow.Scatter(scratch + ((long)i * columns), to + (i * step), stride, columns);
    }
}
