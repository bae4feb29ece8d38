namespace Gradients.Server.Security;

/// <summary>One key of the file of API keys.</summary>
internal sealed record ApiKeyEntry
{
    /// <summary>Public part, unique in the file: 1 to 32 lower-case letters and digits.</summary>
    public required string Id { get; init; }

    public required string Tenant { get; init; }

    /// <summary>For people and logs, at most 128 characters.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the whole key as clients send it, in hexadecimal digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>From then on the key is not valid; null = never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>The key is known and refused.</summary>
    public bool Disabled { get; init; }
}
