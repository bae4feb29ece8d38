namespace Gradients.Server.Telemetry;

/// <summary>How many calls of a kind are open.</summary>
internal sealed class OpenCalls
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Enter() => Interlocked.Increment(ref _count);

    public void Leave() => Interlocked.Decrement(ref _count);
}
