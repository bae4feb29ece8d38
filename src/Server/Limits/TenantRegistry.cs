using Gradients.Engine;
using Gradients.Server.Graphs;
using Gradients.Server.Hosting;
using Gradients.Server.Security;

namespace Gradients.Server.Limits;

/// <summary>The tenants that called, in bounded number: those that use nothing are forgotten when there is no room.</summary>
internal sealed class TenantRegistry(ServerQuotas server, GraphStore graphs, GradientsServerOptions options, TimeProvider time)
{
    /// <summary>As long a tenant's opened sessions are remembered, so that a late retry opens none twice.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, TenantUsage> _tenants = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _tenants.Count;
        }
    }

    /// <summary>What a tenant that called before uses; null when it is not known.</summary>
    public TenantUsage? Find(Caller caller)
    {
        lock (_gate)
            return _tenants.GetValueOrDefault(caller.Tenant);
    }

    /// <summary>Counts a call in; the tenant is not forgotten before it is counted out.</summary>
    /// <exception cref="GradientsException">LIMIT_EXCEEDED: too many calls, or too many tenants.</exception>
    public TenantUsage Enter(Caller caller)
    {
        lock (_gate)
        {
            if (!_tenants.TryGetValue(caller.Tenant, out var tenant))
                _tenants[caller.Tenant] = tenant = Create(caller.Tenant);
            tenant.Calls.Take(1);
            return tenant;
        }
    }

    public static void Leave(TenantUsage tenant)
    {
        tenant.Touch();
        tenant.Calls.Give(1);
    }

    private TenantUsage Create(string name)
    {
        if (_tenants.Count >= options.MaxTenants)
        {
            foreach (var idle in _tenants.Values.Where(t => t.IsIdle(IdleTime)).ToList())
            {
                _tenants.Remove(idle.Name);
                idle.Graphs.Clear();
            }
        }

        if (_tenants.Count >= options.MaxTenants)
            throw GradientsException.Exhausted(ErrorReasons.LimitExceeded, "The server serves as many tenants as it can.").Limited("max_tenants", options.MaxTenants.ToString(), "server", ServerQuotas.Later);
        return new TenantUsage(name, options.Tenants.GetValueOrDefault(name, options.Quotas), server, graphs, options, time);
    }
}
