namespace Gradients.Server.Limits;

/// <summary>Gives every call its lease, which ends when the reply is written.</summary>
internal sealed class WireLeaseMiddleware(RequestDelegate next, ServerQuotas quotas)
{
    public async Task InvokeAsync(HttpContext context)
    {
        using var lease = new WireLease(quotas.Wire);
        WireLease.Current = lease;
        await next(context);
    }
}
