using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Wire;

namespace Gradients.Server.Limits;

/// <summary>
/// The messages that one call holds. A message is counted before it is parsed: to its tenant's quotas, or only to the whole in
/// a tenant's first call, until <see cref="AssignTo"/>.
/// </summary>
internal sealed class WireLease(BufferPool pool, Quota quota, Quota? tensors) : IDisposable
{
    // Marshallers know neither the call nor its context: the lease travels beside them.
    private static readonly AsyncLocal<WireLease?> Ambient = new();

    private Quota _quota = quota;
    private Quota? _tensors = tensors;
    private WireCharge _received = new(quota);
    private WireCharge? _reply;

    /// <summary>The lease of the call that this code runs for; null outside of calls.</summary>
    public static WireLease? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>The memory of the call's reply.</summary>
    public WireCharge Reply => _reply ??= new WireCharge(_quota, ReplyScale);

    /// <summary>How many times the bytes of a reply its memory is: more than once where it is turned into text.</summary>
    public int ReplyScale { get; set; } = 1;

    /// <summary>The tensor that the call's chunks belong to; null = there is none.</summary>
    public Destination? Destination { get; set; }

    /// <summary>Counts a message that is about to be parsed.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public void Receive(long bytes) => _received.Add(bytes);

    /// <summary>Memory for a content of the message that is about to be parsed, held as long as the message is counted.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public Memory<byte> Place(int bytes)
    {
        var content = new PooledContent(pool.Rent(bytes, "request", _tensors), bytes, _tensors);
        _received.Own(content);
        return content.Memory;
    }

    /// <summary>Hands over what was received since the last time, for messages that are done before the call is.</summary>
    public WireCharge TakeReceived()
    {
        var received = _received;
        _received = new WireCharge(_quota);
        return received;
    }

    /// <summary>Gives back what was received, where one message is done before the next comes.</summary>
    public void ReleaseReceived() => _received.Dispose();

    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED when the tenant's messages take too much.</exception>
    public void AssignTo(Quota tenant, Quota tensors)
    {
        if (_quota == tenant)
            return;
        (_quota, _tensors) = (tenant, tensors);
        _received.MoveTo(tenant);
    }

    /// <summary>A charge for a reply of its own, such as that of a stream's command.</summary>
    public WireCharge CreateReply() => new(_quota, ReplyScale);

    public void Dispose()
    {
        _received.Dispose();
        _reply?.Dispose();
    }
}
