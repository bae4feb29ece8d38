using Gradients.Engine.Execution;
using Gradients.Server.Security;

namespace Gradients.Server.Limits;

/// <summary>Gives every call its lease, which ends when the reply is written. Runs behind authentication.</summary>
internal sealed class WireLeaseMiddleware(RequestDelegate next, ServerQuotas quotas, TenantRegistry tenants, EngineHost host)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var tenant = context.Features.Get<Caller>() is { } caller ? tenants.Find(caller) : null;
        using var lease = new WireLease(host.Pool, tenant?.Wire ?? quotas.Wire, tenant?.Bytes);
        WireLease.Current = lease;
        await next(context);
    }
}
