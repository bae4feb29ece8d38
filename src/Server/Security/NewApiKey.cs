using System.Security.Cryptography;

namespace Gradients.Server.Security;

/// <summary>A key just made. Its text is known here alone: the server's file has the hash.</summary>
public sealed class NewApiKey
{
    private const int SecretBytes = 32;
    private const int IdLength = 12;

    private NewApiKey(string text, string entry)
    {
        Text = text;
        Entry = entry;
    }

    /// <summary>What clients send: <c>gk_ID_SECRET</c>.</summary>
    public string Text { get; }

    /// <summary>The entry for the list <c>keys</c> of the file of API keys, as JSON on one line.</summary>
    public string Entry { get; }

    /// <summary>Makes a key with 256 random bits.</summary>
    /// <param name="tenant">Who owns what is done with the key: lower-case letters and digits with single dots, hyphens and underscores between them, at most 63 characters.</param>
    /// <param name="name">Tells keys apart for people and in logs; at most 128 characters.</param>
    /// <param name="expires">From then on the key is not valid. Default never.</param>
    /// <exception cref="ArgumentException">The tenant or the name is none.</exception>
    public static NewApiKey Create(string tenant, string name, DateTimeOffset? expires = null)
    {
        ArgumentNullException.ThrowIfNull(tenant);
        ArgumentNullException.ThrowIfNull(name);
        if (ApiKeys.Fault(tenant, name) is { } fault)
            throw new ArgumentException(fault);
        var id = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", IdLength);
        var text = ApiKeyText.Of(id, RandomNumberGenerator.GetBytes(SecretBytes));
        return new NewApiKey(text, ApiKeys.Write(new ApiKeyEntry { Id = id, Tenant = tenant, Name = name, Sha256 = Convert.ToHexStringLower(ApiKeyText.Hash(text)), Expires = expires?.ToUniversalTime() }));
    }
}
