using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Gradients.Server.Security;

/// <summary>The text of a key, <c>gk_ID_SECRET</c>: the id finds the entry, the secret is 32 random bytes in base64url.</summary>
internal static class ApiKeyText
{
    public const string Prefix = "gk_";
    public const int MaxIdLength = 32;

    private const int SecretLength = 43;

    private static readonly SearchValues<char> IdCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");

    public static string Of(string id, ReadOnlySpan<byte> secret) =>
        $"{Prefix}{id}_{Convert.ToBase64String(secret).TrimEnd('=').Replace('+', '-').Replace('/', '_')}";

    public static bool IsId(ReadOnlySpan<char> text) => text.Length is > 0 and <= MaxIdLength && !text.ContainsAnyExcept(IdCharacters);

    /// <summary>The id in a key; false when the text is no key.</summary>
    public static bool TryGetId(string text, out string id)
    {
        id = "";
        var end = text.StartsWith(Prefix, StringComparison.Ordinal) ? text.IndexOf('_', Prefix.Length) : -1;
        if (end < 0 || text.Length - end - 1 != SecretLength || !IsId(text.AsSpan(Prefix.Length..end)))
            return false;
        id = text[Prefix.Length..end];
        return true;
    }

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
