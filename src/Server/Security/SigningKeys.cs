using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace Gradients.Server.Security;

/// <summary>The public keys of a JSON Web Key Set that sign: RSA of 2048 bits or more, and elliptic curves. All others are passed over.</summary>
internal static class SigningKeys
{
    public const int MaxSetBytes = 1 << 20;

    private const int MaxKeys = 100;
    private const int MinRsaBits = 2048;

    /// <exception cref="InvalidDataException">The content is no key set or has no such key.</exception>
    public static SecurityKey[] Parse(byte[] json)
    {
        JsonWebKeySet set;
        try
        {
            set = JsonWebKeySet.Create(Encoding.UTF8.GetString(json));
        }
        catch (Exception e)
        {
            throw new InvalidDataException("The content is no JSON Web Key Set.", e);
        }

        if (set.Keys.Count > MaxKeys)
            throw new InvalidDataException($"The key set has more than {MaxKeys} keys.");
        var keys = set.Keys.Where(Signs).Cast<SecurityKey>().ToArray();
        return keys.Length > 0 ? keys : throw new InvalidDataException("The key set has no public key that signs.");
    }

    private static bool Signs(JsonWebKey key) => key.Use is null or "" or JsonWebKeyUseNames.Sig && key.Kty switch
    {
        JsonWebAlgorithmsKeyTypes.RSA => key.KeySize >= MinRsaBits,
        JsonWebAlgorithmsKeyTypes.EllipticCurve => key.X is not null && key.Y is not null,
        _ => false,
    };
}
