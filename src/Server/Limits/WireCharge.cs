using Gradients.Engine;

namespace Gradients.Server.Limits;

/// <summary>Managed memory of messages, counted to a wire quota until disposed.</summary>
/// <param name="scale">What <see cref="Ensure"/> is told is counted so many times.</param>
internal sealed class WireCharge(Quota quota, int scale = 1) : IDisposable
{
    private long _bytes;

    public long Bytes => Volatile.Read(ref _bytes);

    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED; nothing is counted then.</exception>
    public void Add(long bytes)
    {
        quota.Take(bytes);
        Interlocked.Add(ref _bytes, bytes);
    }

    /// <summary>Counts what is missing to so many bytes.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED; nothing is counted then.</exception>
    public void Ensure(long bytes)
    {
        bytes = checked(bytes * scale);
        if (bytes > Bytes)
            Add(bytes - Bytes);
    }

    /// <summary>Gives everything back; a second call does nothing.</summary>
    public void Dispose() => quota.Give(Interlocked.Exchange(ref _bytes, 0));
}
