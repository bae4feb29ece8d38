using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Gradients.Server.Tests.Door;

/// <summary>An issuer of tokens, written by RFC 7515 to 7519 on the platform's RSA and ECDSA alone.</summary>
internal sealed class Issuer : IDisposable
{
    public const string Name = "https://issuer.test";
    public const string Audience = "gradients";

    private readonly RSA _rsa = RSA.Create(2048);
    private readonly ECDsa _ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>The public RSA key as PEM: what the confusion of algorithms uses as an HMAC secret.</summary>
    public string RsaPublicPem => _rsa.ExportSubjectPublicKeyInfoPem();

    public string KeySet()
    {
        var rsa = _rsa.ExportParameters(false);
        var ec = _ec.ExportParameters(false);
        return JsonSerializer.Serialize(new
        {
            keys = new object[]
            {
                new { kty = "RSA", kid = "r", use = "sig", n = Encode(rsa.Modulus!), e = Encode(rsa.Exponent!) },
                new { kty = "EC", kid = "e", crv = "P-256", x = Encode(ec.Q.X!), y = Encode(ec.Q.Y!) },
            },
        });
    }

    public static Dictionary<string, object> Claims(DateTimeOffset now) => new()
    {
        ["iss"] = Name,
        ["aud"] = Audience,
        ["sub"] = "someone",
        ["tenant"] = "acme",
        ["nbf"] = now.ToUnixTimeSeconds(),
        ["exp"] = now.AddMinutes(5).ToUnixTimeSeconds(),
    };

    public string Rsa(Dictionary<string, object> claims, string? kid = "r") => Sign("RS256", kid, claims, b => _rsa.SignData(b, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public string Ec(Dictionary<string, object> claims) => Sign("ES256", "e", claims, b => _ec.SignData(b, HashAlgorithmName.SHA256));

    public string Hmac(Dictionary<string, object> claims, byte[] secret) => Sign("HS256", "r", claims, b => HMACSHA256.HashData(secret, b));

    public static string Unsigned(Dictionary<string, object> claims) => Sign("none", null, claims, _ => []);

    public static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public void Dispose()
    {
        _rsa.Dispose();
        _ec.Dispose();
    }

    private static string Sign(string algorithm, string? kid, Dictionary<string, object> claims, Func<byte[], byte[]> sign)
    {
        var header = new Dictionary<string, string> { ["alg"] = algorithm, ["typ"] = "JWT" };
        if (kid is not null)
            header["kid"] = kid;
        var text = $"{Encode(JsonSerializer.SerializeToUtf8Bytes(header))}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{text}.{Encode(sign(Encoding.ASCII.GetBytes(text)))}";
    }
}
