using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Services;
using Grpc.Core;

namespace Gradients.Server.Limits;

/// <summary>Counts every call to its tenant, once its caller is known; refuses what is too much, and sessions where none are kept.</summary>
internal sealed class Admission(TenantRegistry tenants, GradientsServerOptions options)
{
    /// <summary>Counts the call in until disposed.</summary>
    /// <exception cref="GradientsException">RPC_UNIMPLEMENTED, LIMIT_EXCEEDED, MEMORY_BUDGET_EXCEEDED.</exception>
    public TenantCall Enter(ServerCallContext context, bool streaming)
    {
        if (options.Stateless && IsOfSessions(context.Method))
            throw Refusals.Stateless();
        var tenant = tenants.Enter(CallScope.Of(context).Caller);
        var streams = false;
        try
        {
            if (streaming)
                tenant.Streams.Take(1);
            streams = streaming;
            var wire = WireLease.Current ?? throw new InvalidOperationException("The call has no lease.");
            wire.AssignTo(tenant.Wire, tenant.Bytes);
            var call = new TenantCall(tenant, wire, streaming);
            call.Attach(context);
            return call;
        }
        catch
        {
            if (streams)
                tenant.Streams.Give(1);
            TenantRegistry.Leave(tenant);
            throw;
        }
    }

    private static bool IsOfSessions(string method) =>
        method.StartsWith("/gradients.v1.SessionService/", StringComparison.Ordinal) || method.StartsWith("/gradients.v1.TensorService/", StringComparison.Ordinal);
}
