namespace Gradients.Engine.Compilation;

/// <summary>
/// Places temporaries in one arena by their lifetimes: best fit among the gaps, else at the end. Every offset is a multiple
/// of 64 bytes and every block is rounded up to 64, so that kernels may read whole vectors.
/// </summary>
internal sealed class ArenaPlan
{
    // Gaps below the end, never adjacent to each other nor to the end: by size, by offset and by the offset behind them.
    private readonly SortedSet<(long Size, long Offset)> _bySize = [];
    private readonly Dictionary<long, long> _sizes = [];
    private readonly Dictionary<long, long> _starts = [];
    private long _end;
    private long _live;

    public long ArenaBytes { get; private set; }

    public long PeakLiveBytes { get; private set; }

    public static long Round(long bytes) => (Math.Max(1, bytes) + 63) / 64 * 64;

    /// <summary>Takes room and returns its offset.</summary>
    public long Take(long bytes)
    {
        bytes = Round(bytes);
        _live = checked(_live + bytes);
        PeakLiveBytes = Math.Max(PeakLiveBytes, _live);
        if (_bySize.Count == 0 || _bySize.Max.Size < bytes)
        {
            var end = _end;
            _end = checked(_end + bytes);
            ArenaBytes = Math.Max(ArenaBytes, _end);
            return end;
        }

        // The smallest that fits, the lowest of equal ones.
        var (size, offset) = _bySize.GetViewBetween((bytes, 0), (long.MaxValue, long.MaxValue)).Min;
        RemoveGap(offset, size);
        if (size > bytes)
            AddGap(offset + bytes, size - bytes);
        return offset;
    }

    /// <summary>Gives room back that <see cref="Take"/> returned for as many bytes.</summary>
    public void Give(long offset, long bytes)
    {
        bytes = Round(bytes);
        _live -= bytes;
        if (_starts.TryGetValue(offset, out var before))
        {
            RemoveGap(before, offset - before);
            (offset, bytes) = (before, bytes + offset - before);
        }

        if (_sizes.TryGetValue(offset + bytes, out var behind))
        {
            RemoveGap(offset + bytes, behind);
            bytes += behind;
        }

        if (offset + bytes == _end)
            _end = offset;
        else
            AddGap(offset, bytes);
    }

    private void AddGap(long offset, long size)
    {
        _bySize.Add((size, offset));
        _sizes.Add(offset, size);
        _starts.Add(offset + size, offset);
    }

    private void RemoveGap(long offset, long size)
    {
        _bySize.Remove((size, offset));
        _sizes.Remove(offset);
        _starts.Remove(offset + size);
    }
}
