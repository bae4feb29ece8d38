using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Security;

/// <summary>
/// Section <c>Gradients:Authentication:Jwt</c>: JSON Web Tokens. Signed by RSA (2048 bits or more) or ECDSA with SHA-2; issuer,
/// audience and expiry are required. Issuer, audience and one source of keys are set together.
/// </summary>
public sealed class JwtOptions
{
    /// <summary>The only issuer whose tokens are taken, as in the claim <c>iss</c>. The default value is none.</summary>
    public string? Issuer { get; set; }

    /// <summary>What tokens must be for, as in the claim <c>aud</c>. The default value is none.</summary>
    public string? Audience { get; set; }

    /// <summary>A file with the issuer's JSON Web Key Set. The default value is none.</summary>
    public string? JwksFile { get; set; }

    /// <summary>The address of the issuer's JSON Web Key Set: https, or http on loopback. The default value is none.</summary>
    public Uri? JwksUrl { get; set; }

    /// <summary>Time between two downloads from <see cref="JwksUrl"/>. The default value is 5 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan JwksRefreshInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The claim that names the tenant. The default value is <c>tenant</c>.</summary>
    [Required]
    public string TenantClaim { get; set; } = "tenant";

    /// <summary>How far the issuer's clock may be off. The default value is 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    internal bool IsConfigured => Issuer is not null || Audience is not null || JwksFile is not null || JwksUrl is not null;
}
