namespace Gradients.Engine.Compilation;

/// <summary>
/// Places temporaries in one arena by their lifetimes: best fit among the gaps, else at the end. Every offset is a multiple
/// of 64 bytes and every block is rounded up to 64, so that kernels may read whole vectors.
/// </summary>
internal sealed class ArenaPlan
{
    // Gaps below the end, by offset, never adjacent to each other nor to the end.
    private readonly SortedDictionary<long, long> _gaps = [];
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
        long best = -1, bestSize = long.MaxValue;
        foreach (var (offset, size) in _gaps)
        {
            if (size >= bytes && size < bestSize)
                (best, bestSize) = (offset, size);
        }

        if (best < 0)
        {
            var offset = _end;
            _end = checked(_end + bytes);
            ArenaBytes = Math.Max(ArenaBytes, _end);
            return offset;
        }

        _gaps.Remove(best);
        if (bestSize > bytes)
            _gaps[best + bytes] = bestSize - bytes;
        return best;
    }

    /// <summary>Gives room back that <see cref="Take"/> returned for as many bytes.</summary>
    public void Give(long offset, long bytes)
    {
        bytes = Round(bytes);
        _live -= bytes;
        foreach (var (gap, size) in _gaps)
        {
            if (gap + size == offset)
            {
                _gaps.Remove(gap);
                offset = gap;
                bytes += size;
                break;
            }
        }

        if (_gaps.Remove(offset + bytes, out var behind))
            bytes += behind;
        if (offset + bytes == _end)
            _end = offset;
        else
            _gaps[offset] = bytes;
    }
}
