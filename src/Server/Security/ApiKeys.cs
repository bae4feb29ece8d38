using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gradients.Server.Security;

/// <summary>The API keys of a file: an object with the list <c>keys</c> of <see cref="ApiKeyEntry"/>.</summary>
internal sealed class ApiKeys
{
    public const int MaxFileBytes = 4 << 20;

    private const int MaxKeys = 10_000;
    private const int MaxNameLength = 128;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    };

    private readonly FrozenDictionary<string, (ApiKeyEntry Entry, byte[] Hash)> _keys;

    private ApiKeys(IEnumerable<ApiKeyEntry> entries) =>
        _keys = entries.ToFrozenDictionary(e => e.Id, e => (e, Convert.FromHexString(e.Sha256)), StringComparer.Ordinal);

    /// <exception cref="JsonException">The content is no JSON, or has members that are unknown or missing.</exception>
    /// <exception cref="InvalidDataException">An entry is wrong; the message names it by its position.</exception>
    public static ApiKeys Parse(ReadOnlySpan<byte> json)
    {
        var keys = JsonSerializer.Deserialize<Document>(json, Json)?.Keys ?? throw new InvalidDataException("The list of keys is missing.");
        if (keys.Count > MaxKeys)
            throw new InvalidDataException($"There are more than {MaxKeys} keys.");
        var ids = new HashSet<string>();
        for (var i = 0; i < keys.Count; i++)
        {
            if (Fault(keys[i], ids) is { } fault)
                throw new InvalidDataException($"keys[{i}]: {fault}");
        }

        return new ApiKeys(keys);
    }

    public static string Write(ApiKeyEntry entry) => JsonSerializer.Serialize(entry, Json);

    /// <summary>What is wrong with an entry apart from its hash; null = nothing.</summary>
    public static string? Fault(string tenant, string name)
    {
        if (!TenantName.IsValid(tenant))
            return "the tenant is not 1 to 63 lower-case letters and digits with single '.', '-' and '_' between them.";
        return name.Length is 0 or > MaxNameLength || name.Any(char.IsControl) ? $"the name is not 1 to {MaxNameLength} characters without control characters." : null;
    }

    public Verdict Judge(string credential, DateTimeOffset now)
    {
        if (!ApiKeyText.TryGetId(credential, out var id))
            return Verdict.Invalid("malformed");
        // Hashed before the look-up, so that unknown ids take as long as wrong secrets.
        var hash = ApiKeyText.Hash(credential);
        if (!_keys.TryGetValue(id, out var key))
            return Verdict.Invalid("unknown key");
        if (!CryptographicOperations.FixedTimeEquals(hash, key.Hash))
            return Verdict.Invalid("wrong secret");
        if (key.Entry.Expires <= now)
            return Verdict.Invalid("expired");
        return key.Entry.Disabled ? Verdict.Denied("disabled") : Verdict.Accepted(new Caller(key.Entry.Tenant, key.Entry.Name));
    }

    private static string? Fault(ApiKeyEntry? entry, HashSet<string> ids)
    {
        if (entry is not { Id: not null, Tenant: not null, Name: not null, Sha256: not null })
            return "id, tenant, name and sha256 must not be null.";
        if (!ApiKeyText.IsId(entry.Id))
            return $"the id is not 1 to {ApiKeyText.MaxIdLength} lower-case letters and digits.";
        if (!ids.Add(entry.Id))
            return "the id is taken by a key before.";
        if (entry.Sha256.Length != 2 * SHA256.HashSizeInBytes || !entry.Sha256.All(char.IsAsciiHexDigit))
            return $"sha256 is not {2 * SHA256.HashSizeInBytes} hexadecimal digits.";
        return Fault(entry.Tenant, entry.Name);
    }

    private sealed record Document
    {
        public required IReadOnlyList<ApiKeyEntry> Keys { get; init; }
    }
}
