using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Security;

internal static class AuthenticationOptionsCheck
{
    /// <exception cref="ValidationException">Names the first setting that is wrong. An empty one is wrong rather than unset: it would open the server.</exception>
    public static void Validate(AuthenticationOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        Validator.ValidateObject(options.Jwt, new ValidationContext(options.Jwt), validateAllProperties: true);
        Require(options.ApiKeysFile is not "", "Authentication:ApiKeysFile is empty.");
        if (options.Jwt.IsConfigured)
            Validate(options.Jwt);
    }

    private static void Validate(JwtOptions jwt)
    {
        Require(!string.IsNullOrEmpty(jwt.Issuer), "Authentication:Jwt needs Issuer.");
        Require(!string.IsNullOrEmpty(jwt.Audience), "Authentication:Jwt needs Audience.");
        Require(jwt.JwksFile is not "", "Authentication:Jwt:JwksFile is empty.");
        Require(jwt.JwksFile is null != jwt.JwksUrl is null, "Authentication:Jwt needs either JwksFile or JwksUrl.");
        Require(
            jwt.JwksUrl is null || jwt.JwksUrl is { IsAbsoluteUri: true } url && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback)),
            $"Authentication:Jwt:JwksUrl '{jwt.JwksUrl}' is no https address.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ValidationException(message);
    }
}
