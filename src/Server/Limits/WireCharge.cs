using Gradients.Engine;

namespace Gradients.Server.Limits;

/// <summary>The memory of messages until disposed: managed bytes, counted to a wire quota, and what messages refer to.</summary>
/// <param name="scale">Bytes of a reply are counted so many times.</param>
internal sealed class WireCharge(Quota quota, int scale = 1) : IDisposable
{
    private Quota _quota = quota;
    private long _bytes;
    private IDisposable? _owned;

    // Most charges own one thing.
    private List<IDisposable>? _others;

    public long Bytes => Volatile.Read(ref _bytes);

    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED; nothing is counted then.</exception>
    public void Add(long bytes)
    {
        _quota.Take(bytes);
        Interlocked.Add(ref _bytes, bytes);
    }

    /// <summary>Counts more bytes of a reply where there is room for them, and tells whether there is.</summary>
    public bool TryReserve(long bytes)
    {
        bytes = checked(bytes * scale);
        if (!_quota.TryTake(bytes))
            return false;
        Interlocked.Add(ref _bytes, bytes);
        return true;
    }

    /// <summary>Counts more bytes of a reply.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED; nothing is counted then.</exception>
    public void Reserve(long bytes) => Add(checked(bytes * scale));

    /// <summary>Counts what is missing to so many bytes.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED; nothing is counted then.</exception>
    public void Ensure(long bytes)
    {
        bytes = checked(bytes * scale);
        if (bytes > Bytes)
            Add(bytes - Bytes);
    }

    /// <summary>Disposes <paramref name="owned"/> with the charge.</summary>
    public void Own(IDisposable owned)
    {
        if (_owned is null)
            _owned = owned;
        else
            (_others ??= []).Add(owned);
    }

    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED; nothing is counted any more then.</exception>
    public void MoveTo(Quota quota)
    {
        var bytes = Interlocked.Exchange(ref _bytes, 0);
        _quota.Give(bytes);
        _quota = quota;
        Add(bytes);
    }

    /// <summary>Gives everything back, after which the charge may be used again.</summary>
    public void Dispose()
    {
        _quota.Give(Interlocked.Exchange(ref _bytes, 0));
        Interlocked.Exchange(ref _owned, null)?.Dispose();
        if (Interlocked.Exchange(ref _others, null) is not { } others)
            return;
        foreach (var one in others)
            one.Dispose();
        others.Clear();
        _others = others;
    }
}
