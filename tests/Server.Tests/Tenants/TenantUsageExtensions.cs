using Gradients.Server.Limits;
using Gradients.Server.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Gradients.Server.Tests.Tenants;

internal static class TenantUsageExtensions
{
    /// <summary>What the tenant uses, with one call more for this look.</summary>
    public static TenantUsage Usage(this TestServer server, string tenant) =>
        server.App.Services.GetRequiredService<TenantRegistry>().Enter(new Caller(tenant));
}
