using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Services;

/// <summary>What the interceptor knows of a call: who calls, its span, and a token that also ends with the time allowed for draining.</summary>
internal sealed class CallScope(Caller caller, RequestActivity activity, CancellationToken cancellation)
{
    public Caller Caller { get; } = caller;

    public RequestActivity Activity { get; } = activity;

    public CancellationToken Cancellation { get; } = cancellation;

    public static CallScope Of(ServerCallContext context) => context.GetHttpContext().Features.GetRequiredFeature<CallScope>();

    public void Attach(ServerCallContext context) => context.GetHttpContext().Features.Set(this);
}
