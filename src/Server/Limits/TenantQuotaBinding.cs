using System.ComponentModel.DataAnnotations;
using Gradients.Server.Hosting;

namespace Gradients.Server.Limits;

/// <summary>Reads and checks the settings of tenants.</summary>
internal static class TenantQuotaBinding
{
    /// <summary>Binds the server's section; a tenant's quota starts as a copy of <see cref="GradientsServerOptions.Quotas"/>.</summary>
    public static void Bind(IConfigurationSection section, GradientsServerOptions options)
    {
        var given = options.Tenants;
        options.Tenants = new Dictionary<string, TenantQuota>(StringComparer.OrdinalIgnoreCase);
        section.Bind(options);
        options.Tenants = new Dictionary<string, TenantQuota>(given, StringComparer.OrdinalIgnoreCase);
        foreach (var tenant in section.GetSection(nameof(GradientsServerOptions.Tenants)).GetChildren())
        {
            var quota = given.TryGetValue(tenant.Key, out var known) ? known : options.Quotas with { };
            tenant.Bind(quota);
            options.Tenants[tenant.Key] = quota;
        }
    }

    /// <exception cref="ValidationException">Names the first setting that is out of range.</exception>
    public static void Validate(GradientsServerOptions options)
    {
        Validate(options.Quotas, "Quotas");
        foreach (var (name, quota) in options.Tenants)
            Validate(quota, $"Tenants:{name}");
    }

    private static void Validate(TenantQuota quota, string path)
    {
        var results = new List<ValidationResult>();
        if (!Validator.TryValidateObject(quota, new ValidationContext(quota), results, validateAllProperties: true))
            throw new ValidationException($"{path}:{results[0].MemberNames.First()}: {results[0].ErrorMessage}");
    }
}
