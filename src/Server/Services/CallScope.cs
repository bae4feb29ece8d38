using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>What the interceptor knows of a call: who calls, its span, and a token that also ends with the time allowed for draining.</summary>
internal sealed class CallScope(Caller caller, RequestActivity activity, CancellationToken cancellation)
{
    private static readonly object Key = typeof(CallScope);

    public Caller Caller { get; } = caller;

    public RequestActivity Activity { get; } = activity;

    public CancellationToken Cancellation { get; } = cancellation;

    public static CallScope Of(ServerCallContext context) => (CallScope)context.UserState[Key];

    public void Attach(ServerCallContext context) => context.UserState[Key] = this;
}
