namespace Gradients.Client;

/// <summary>How a client proves who it is, and whom it trusts.</summary>
public sealed record GradientsClientOptions
{
    /// <summary>An API key, <c>gk_ID_SECRET</c>, sent with every request. Null: none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Gives the token that a request is sent with; called for every request, so it should keep tokens until they expire. Null: none.</summary>
    public Func<CancellationToken, ValueTask<string>>? TokenProvider { get; init; }

    /// <summary>A PEM file of roots that the server's certificate must lead to, in place of the machine's. Null: the machine's.</summary>
    public string? ServerCaFile { get; init; }

    /// <summary>A PEM file with the client's certificate and those between it and the root. Null: none.</summary>
    public string? ClientCertificateFile { get; init; }

    /// <summary>A PEM file with the private key of <see cref="ClientCertificateFile"/>. Null: it is in that file.</summary>
    public string? ClientKeyFile { get; init; }

    /// <summary>Credentials may travel without TLS beyond this machine, where everyone on the way can read them. Default false.</summary>
    public bool AllowPlaintextCredentials { get; init; }

    /// <summary>Nothing of the credentials.</summary>
    public override string ToString() => nameof(GradientsClientOptions);
}
