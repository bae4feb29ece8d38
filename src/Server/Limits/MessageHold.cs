namespace Gradients.Server.Limits;

/// <summary>Keeps a message counted until its reader and all commands that it carried are done with it.</summary>
internal sealed class MessageHold(WireCharge charge)
{
    private int _holders = 1;

    public void Retain() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            charge.Dispose();
    }
}
