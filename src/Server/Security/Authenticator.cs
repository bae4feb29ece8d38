using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.Tokens;

namespace Gradients.Server.Security;

/// <summary>Judges what a call's <c>authorization</c> headers say by what is configured.</summary>
internal sealed class Authenticator : IHostedService, IDisposable
{
    private const string Scheme = "Bearer ";

    private readonly TimeProvider _time;
    private readonly ReloadedFiles<ApiKeys>? _apiKeys;
    private readonly ReloadedFiles<SecurityKey[]>? _keySet;
    private readonly DownloadedKeys? _download;
    private readonly Tokens? _tokens;

    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">A file cannot be read or is broken.</exception>
    public Authenticator(AuthenticationOptions options, TimeProvider time, ILogger<Authenticator> logger)
    {
        _time = time;
        IsRequired = options.IsConfigured;
        if (options.ApiKeysFile is { } file)
            _apiKeys = new("Authentication:ApiKeysFile", [file], ApiKeys.MaxFileBytes, c => ApiKeys.Parse(c[0]), options.RefreshInterval, time, logger);
        if (options.Jwt.JwksFile is { } set)
            _keySet = new("Authentication:Jwt:JwksFile", [set], SigningKeys.MaxSetBytes, c => SigningKeys.Parse(c[0]), options.RefreshInterval, time, logger);
        if (options.Jwt.JwksUrl is not null)
            _download = new DownloadedKeys(options, time, logger);
        if (options.Jwt.IsConfigured)
            _tokens = new Tokens(options.Jwt, () => _keySet?.Value ?? _download!.Keys, time);
    }

    /// <summary>False where no authentication is configured: everyone is <see cref="Caller.Anonymous"/>.</summary>
    public bool IsRequired { get; }

    public async ValueTask<Verdict> JudgeAsync(StringValues authorization)
    {
        if (authorization.Count == 0 || (authorization.Count == 1 && string.IsNullOrWhiteSpace(authorization[0])))
            return Verdict.Missing;
        if (authorization.Count > 1 || authorization[0] is not { } text || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return Verdict.Invalid("malformed");
        var credential = text[Scheme.Length..].Trim();
        if (credential.StartsWith(ApiKeyText.Prefix, StringComparison.Ordinal))
            return _apiKeys?.Value.Judge(credential, _time.GetUtcNow()) ?? Verdict.Invalid("API keys not configured");
        return _tokens is null ? Verdict.Invalid("tokens not configured") : await _tokens.JudgeAsync(credential);
    }

    public Task StartAsync(CancellationToken cancellationToken) => _download?.StartAsync(cancellationToken) ?? Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => _download?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public void Dispose()
    {
        _apiKeys?.Dispose();
        _keySet?.Dispose();
        _download?.Dispose();
    }
}
