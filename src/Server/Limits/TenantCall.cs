using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Limits;

/// <summary>A call as its tenant's: what the tenant uses, and the memory of the call's messages.</summary>
internal sealed class TenantCall(TenantUsage tenant, WireLease wire, bool streaming) : IDisposable
{
    public TenantUsage Tenant { get; } = tenant;

    public WireLease Wire { get; } = wire;

    public static TenantCall Of(ServerCallContext context) => context.GetHttpContext().Features.GetRequiredFeature<TenantCall>();

    public void Attach(ServerCallContext context) => context.GetHttpContext().Features.Set(this);

    public void Dispose()
    {
        if (streaming)
            Tenant.Streams.Give(1);
        TenantRegistry.Leave(Tenant);
    }
}
