using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Security;

/// <summary>
/// Section <c>Gradients:Authentication</c>: who may call. Once anything is configured here, every rpc of the main listener
/// needs a credential: <c>authorization: Bearer</c> with an API key or a token.
/// </summary>
public sealed class AuthenticationOptions
{
    /// <summary>A JSON file of API keys, which has their SHA-256 hashes only. The default value is none.</summary>
    public string? ApiKeysFile { get; set; }

    /// <summary>Time between two looks whether a file has changed. The default value is 10 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Tokens of an issuer.</summary>
    public JwtOptions Jwt { get; set; } = new();

    internal bool IsConfigured => ApiKeysFile is not null || Jwt.IsConfigured;
}
