namespace Gradients.Server.Security;

/// <summary>Who calls. A tenant owns its sessions and quotas and shares nothing with other tenants.</summary>
/// <param name="Tenant">Names the owner of what the call touches; empty where no authentication is configured.</param>
/// <param name="Name">The API key's name or the token's subject, for logs; decides nothing.</param>
internal sealed record Caller(string Tenant, string Name = "")
{
    /// <summary>Everyone, where no authentication is configured.</summary>
    public static Caller Anonymous { get; } = new("");
}
