using Gradients.Engine;

namespace Gradients.Server.Limits;

/// <summary>
/// The messages that one call holds. A message is counted before it is parsed: to its tenant's quota, or only to the whole in
/// a tenant's first call, until <see cref="AssignTo"/>.
/// </summary>
internal sealed class WireLease(Quota quota) : IDisposable
{
    // Marshallers know neither the call nor its context: the lease travels beside them.
    private static readonly AsyncLocal<WireLease?> Ambient = new();

    private Quota _quota = quota;
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

    /// <summary>Counts a message that is about to be parsed.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public void Receive(long bytes) => _received.Add(bytes);

    /// <summary>Hands over what was received since the last time, for messages that are done before the call is.</summary>
    public WireCharge TakeReceived()
    {
        var received = _received;
        _received = new WireCharge(_quota);
        return received;
    }

    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED when the tenant's messages take too much.</exception>
    public void AssignTo(Quota tenant)
    {
        if (_quota == tenant)
            return;
        var bytes = _received.Bytes;
        _received.Dispose();
        _quota = tenant;
        _received = new WireCharge(tenant);
        _received.Add(bytes);
    }

    /// <summary>A charge for a reply of its own, such as that of a stream's command.</summary>
    public WireCharge CreateReply() => new(_quota, ReplyScale);

    public void Dispose()
    {
        _received.Dispose();
        _reply?.Dispose();
    }
}
