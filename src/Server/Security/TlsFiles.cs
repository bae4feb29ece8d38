using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Gradients.Server.Security;

/// <summary>The server's certificate, and whose clients it takes, as the files say.</summary>
internal sealed class TlsFiles : IDisposable
{
    private const int MaxFileBytes = 1 << 20;

    private readonly TlsOptions _options;
    private readonly ReloadedFiles<Offer> _files;

    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">A file cannot be read or is broken.</exception>
    public TlsFiles(TlsOptions options, TimeProvider time, ILogger<TlsFiles> logger)
    {
        _options = options;
        string?[] paths = [options.CertificateFile, options.KeyFile, options.ClientCaFile];
        _files = new("Tls", [.. paths.OfType<string>()], MaxFileBytes, Parse, options.RefreshInterval, time, logger);
    }

    /// <summary>What a new connection is opened with.</summary>
    public SslServerAuthenticationOptions Current => _files.Value.Http2;

    /// <summary>The same where HTTP/1.1 is spoken too.</summary>
    public SslServerAuthenticationOptions CurrentWithHttp1 => _files.Value.Http1AndHttp2;

    public void Dispose() => _files.Dispose();

    private static SslStreamCertificateContext Load(byte[] certificates, byte[]? key, string? password)
    {
        var chain = new X509Certificate2Collection();
        X509Certificate2 own;
        if (key is null && !certificates.AsSpan().StartsWith("-----BEGIN "u8))
        {
            chain.AddRange(X509CertificateLoader.LoadPkcs12Collection(certificates, password));
            own = chain.FirstOrDefault(c => c.HasPrivateKey) ?? throw new InvalidDataException("The certificate file has no private key.");
        }
        else
        {
            var pem = Encoding.ASCII.GetString(certificates);
            var keyPem = key is null ? pem : Encoding.ASCII.GetString(key);
            own = password is null ? X509Certificate2.CreateFromPem(pem, keyPem) : X509Certificate2.CreateFromEncryptedPem(pem, keyPem, password);
            chain.ImportFromPem(pem);
        }

        // The root stays out: clients have it, or do not trust it.
        var between = new X509Certificate2Collection(chain.Where(c => c.Thumbprint != own.Thumbprint && c.Subject != c.Issuer).ToArray());
        return SslStreamCertificateContext.Create(own, between, offline: true);
    }

    private static X509ChainPolicy TrustOnly(byte[] roots)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.ImportFromPem(Encoding.ASCII.GetString(roots));
        return policy.CustomTrustStore.Count > 0 ? policy : throw new InvalidDataException("The file of client roots has no certificate.");
    }

    private Offer Parse(byte[][] contents)
    {
        var certificate = Load(contents[0], _options.KeyFile is null ? null : contents[1], _options.Password);
        return new Offer(Options(contents, certificate, SslApplicationProtocol.Http2), Options(contents, certificate, SslApplicationProtocol.Http2, SslApplicationProtocol.Http11));
    }

    private SslServerAuthenticationOptions Options(byte[][] contents, SslStreamCertificateContext certificate, params List<SslApplicationProtocol> protocols)
    {
        var isRequired = _options.ClientCertificates == ClientCertificatePolicy.Require;
        return new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = protocols,
            ServerCertificateContext = certificate,
            ClientCertificateRequired = isRequired,
            CertificateChainPolicy = isRequired ? TrustOnly(contents[^1]) : null,
            RemoteCertificateValidationCallback = isRequired ? (_, _, _, errors) => errors == SslPolicyErrors.None : null,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            // A resumed connection would skip the client's certificate.
            AllowTlsResume = !isRequired,
        };
    }

    private sealed record Offer(SslServerAuthenticationOptions Http2, SslServerAuthenticationOptions Http1AndHttp2);
}
