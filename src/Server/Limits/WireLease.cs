using Gradients.Engine;

namespace Gradients.Server.Limits;

/// <summary>
/// The messages that one call holds. A message is counted before it is parsed, when its tenant is not known yet: to the whole
/// first, to the tenant's part as well from <see cref="AssignTo"/> on.
/// </summary>
internal sealed class WireLease(Quota whole) : IDisposable
{
    // Marshallers know neither the call nor its context: the lease travels beside them.
    private static readonly AsyncLocal<WireLease?> Ambient = new();

    private Quota _quota = whole;
    private WireCharge _received = new(whole);
    private WireCharge? _reply;

    /// <summary>The lease of the call that this code runs for; null outside of calls.</summary>
    public static WireLease? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>The memory of the call's reply.</summary>
    public WireCharge Reply => _reply ??= new WireCharge(_quota);

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
        var bytes = _received.Bytes;
        _received.Dispose();
        _quota = tenant;
        _received = new WireCharge(tenant);
        _received.Add(bytes);
    }

    /// <summary>A charge for a reply of its own, such as that of a stream's command.</summary>
    public WireCharge CreateReply() => new(_quota);

    public void Dispose()
    {
        _received.Dispose();
        _reply?.Dispose();
    }
}
