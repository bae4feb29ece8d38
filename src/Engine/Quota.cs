namespace Gradients.Engine;

/// <summary>
/// An amount in use that may not pass a limit. What is taken counts to the wider quota too, so that a tenant's part and the
/// whole are reserved together or not at all. Thread-safe; waits for nothing.
/// </summary>
/// <param name="limit">The limit's name, as refusals tell it.</param>
/// <param name="most">The most that may be in use.</param>
/// <param name="reason">The reason of a refusal, one of <see cref="ErrorReasons"/>.</param>
/// <param name="subject">Whose limit it is, such as <c>tenant:name</c>.</param>
/// <param name="wider">The quota of the whole; null = there is none.</param>
/// <param name="retryAfter">When trying again may help; null = waiting does not help.</param>
public sealed class Quota(string limit, long most, string reason, string subject = "server", Quota? wider = null, TimeSpan? retryAfter = null)
{
    private long _used;

    public long Most => most;

    public long Used => Volatile.Read(ref _used);

    /// <exception cref="GradientsException">RESOURCE_EXHAUSTED with the quota's reason; nothing is taken then.</exception>
    public void Take(long amount)
    {
        if (Refuse(amount) is { } refusing)
            throw refusing.Refusal(amount);
    }

    /// <summary>True = taken; false = there is no room, and nothing is taken.</summary>
    public bool TryTake(long amount) => Refuse(amount) is null;

    /// <summary>Gives back what was taken.</summary>
    public void Give(long amount)
    {
        Interlocked.Add(ref _used, -amount);
        wider?.Give(amount);
    }

    /// <summary>Refuses what <see cref="Take"/> would refuse now, and takes nothing.</summary>
    /// <exception cref="GradientsException">RESOURCE_EXHAUSTED with the quota's reason.</exception>
    public void Require(long amount)
    {
        if (amount > most - Used)
            throw Refusal(amount);
        wider?.Require(amount);
    }

    /// <summary>The quota that has no room, or null when the amount is taken.</summary>
    private Quota? Refuse(long amount)
    {
        long used;
        do
        {
            used = Used;
            if (amount > most - used)
                return this;
        }
        while (Interlocked.CompareExchange(ref _used, used + amount, used) != used);
        if (wider?.Refuse(amount) is not { } refusing)
            return null;
        Interlocked.Add(ref _used, -amount);
        return refusing;
    }

    /// <summary>Tells the limit and never what is in use: a wider quota is shared with others. More than the whole never fits.</summary>
    private GradientsException Refusal(long amount) =>
        GradientsException.Exhausted(reason, $"{amount} more would pass the limit {limit} of {most}.")
            .Limited(limit, amount.ToString(), subject, amount <= most ? retryAfter : null);
}
