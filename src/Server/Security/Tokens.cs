using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Gradients.Server.Security;

/// <summary>Judges JSON Web Tokens (RFC 7519) by issuer, audience, life time and an asymmetric signature.</summary>
internal sealed class Tokens
{
    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = 16 << 10 };
    private readonly TokenValidationParameters _parameters;
    private readonly string _tenantClaim;

    /// <param name="keys">The issuer's keys as they are now.</param>
    public Tokens(JwtOptions options, Func<SecurityKey[]> keys, TimeProvider time)
    {
        _tenantClaim = options.TenantClaim;
        _parameters = new TokenValidationParameters
        {
            ValidIssuer = options.Issuer,
            ValidAudience = options.Audience,
            ValidAlgorithms =
            [
                SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
                SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
                SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
            ],
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ValidateIssuerSigningKey = true,
            TryAllIssuerSigningKeys = false,
            // A token that names its key is checked with that key alone.
            IssuerSigningKeyResolver = (_, _, id, _) => string.IsNullOrEmpty(id) ? keys() : keys().Where(k => k.KeyId == id),
            LifetimeValidator = (from, until, _, _) =>
            {
                var now = time.GetUtcNow().UtcDateTime;
                if (until is not { } end || end + options.ClockSkew <= now)
                    throw new SecurityTokenExpiredException();
                return from is not { } start || start - options.ClockSkew <= now ? true : throw new SecurityTokenNotYetValidException();
            },
        };
    }

    public async ValueTask<Verdict> JudgeAsync(string credential)
    {
        if (!_handler.CanReadToken(credential))
            return Verdict.Invalid("malformed");
        var result = await _handler.ValidateTokenAsync(credential, _parameters);
        if (!result.IsValid)
            return Verdict.Invalid(Cause(result.Exception));
        var token = (JsonWebToken)result.SecurityToken;
        return token.TryGetPayloadValue<string>(_tenantClaim, out var tenant) && TenantName.IsValid(tenant)
            ? Verdict.Accepted(new Caller(tenant, token.Subject ?? ""))
            : Verdict.Denied("no tenant");
    }

    private static string Cause(Exception? failure) => failure switch
    {
        SecurityTokenExpiredException or SecurityTokenNoExpirationException => "expired",
        SecurityTokenNotYetValidException => "not yet valid",
        SecurityTokenInvalidIssuerException => "wrong issuer",
        SecurityTokenInvalidAudienceException => "wrong audience",
        SecurityTokenInvalidSignatureException or SecurityTokenSignatureKeyNotFoundException => "wrong signature",
        SecurityTokenInvalidAlgorithmException => "wrong algorithm",
        _ => "malformed",
    };
}
