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
    public static InterleavedImages<T> For(Correlation correlation, int tileColumns)
    {
        int lanes = TileTable<T>.Lanes, pitch = correlation.Band.Pitch, columns = correlation.Passes.Max(p => p.Columns.Count);
        double batch = correlation.Shape.Batch, passes = correlation.Passes.Length;
        var source = correlation.Planes * correlation.Band.ChannelElements;
        if (lanes == 1 || correlation.Rows == 1 || batch < lanes || (columns + 1) / 2 * 2 > pitch || source > SourceElements / lanes)
            return new(1);
        var positions = correlation.BandRows * columns * passes;
        var products = correlation.Passes.Sum(p => (double)p.Taps) / passes * correlation.Rows;
        var line = ((correlation.BandRows - 1) * (double)pitch) + columns;
        var alone = products * Math.Ceiling(line / tileColumns) * tileColumns / (correlation.BandRows * columns);
        var together = (products + (Turn * ((source / positions) + correlation.Rows))) * Math.Ceiling(batch / lanes) * lanes / batch;
        return new(together < alone ? lanes : 1);
    }

    /// <summary>Fills the bands of some images, <paramref name="step"/> elements from one to the next; the others are zero.</summary>
    public void Fill(PaddedPlanes band, T* source, long step, int images, int channels, long plane, int firstRow, T* scratch, T* to)
    {
        if (Count == 1)
        {
            band.Fill(source, channels, firstRow, to);
            return;
        }

        var elements = (int)band.ChannelElements;
        new Span<T>(scratch, elements * Count).Clear();
        for (var c = 0; c < channels; c++, source += plane, to += (long)elements * Count)
        {
            for (var i = 0; i < images; i++)
                band.Fill(source + (i * step), 1, firstRow, scratch + ((long)i * elements));
            Transposition.Run(scratch, elements, Count, elements, Count, to);
        }

        new Span<T>(to, (int)(band.Elements(0) * Count)).Clear();
    }

    /// <summary>lines[i · length + q] = sums of position q of image i.</summary>
    public void TakeApart(T* sums, int length, T* lines) => Transposition.Run(sums, Count, length, Count, length, lines);
}
