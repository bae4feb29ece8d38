using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gradients.Testing;

/// <summary>Issues certificates for tests, by a root and one authority below it. Valid from yesterday until tomorrow.</summary>
public sealed class Authority : IDisposable
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset Until = DateTimeOffset.UtcNow.AddDays(1);

    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _issuer;

    public Authority()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _root = Signing("root", rootKey).CreateSelfSigned(From, Until);
        using var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Signing("issuer", issuerKey).Create(_root, From, Until, Serial());
        _issuer = issued.CopyWithPrivateKey(issuerKey);
    }

    /// <summary>The root, which clients and servers trust.</summary>
    public string RootPem => _root.ExportCertificatePem() + "\n";

    public X509Certificate2 Root => _root;

    /// <summary>A certificate for localhost and 127.0.0.1 with its key; the authority's own comes after it.</summary>
    /// <param name="purpose">The only use it is for.</param>
    /// <param name="isRsa">RSA of 2048 bits, else ECDSA on P-256.</param>
    public Issued Issue(string purpose, bool isRsa = false)
    {
        using AsymmetricAlgorithm key = isRsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = key is RSA rsa
            ? new CertificateRequest("CN=test", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest("CN=test", (ECDsa)key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        using var certificate = request.Create(_issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(_issuer.GetECDsaPrivateKey()!), From, Until, Serial());
        using var withKey = key is RSA r ? certificate.CopyWithPrivateKey(r) : certificate.CopyWithPrivateKey((ECDsa)key);
        using var bare = X509CertificateLoader.LoadCertificate(_issuer.RawData);
        return new Issued(
            $"{certificate.ExportCertificatePem()}\n{_issuer.ExportCertificatePem()}\n",
            key.ExportPkcs8PrivateKeyPem() + "\n",
            key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)) + "\n",
            new X509Certificate2Collection { withKey, bare }.Export(X509ContentType.Pkcs12, "secret")!,
            certificate.Thumbprint);
    }

    public void Dispose()
    {
        _root.Dispose();
        _issuer.Dispose();
    }

    private static CertificateRequest Signing(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        return request;
    }

    private static byte[] Serial() => [1, .. RandomNumberGenerator.GetBytes(15)];

    /// <summary>A certificate in the forms that files have.</summary>
    /// <param name="CertificatePem">It and the authority's.</param>
    /// <param name="KeyPem">Its private key.</param>
    /// <param name="EncryptedKeyPem">The same with the password <c>secret</c>.</param>
    /// <param name="Pkcs12">All of it, with the password <c>secret</c>.</param>
    public sealed record Issued(string CertificatePem, string KeyPem, string EncryptedKeyPem, byte[] Pkcs12, string Thumbprint)
    {
        /// <summary>What one side of a connection presents.</summary>
        public SslStreamCertificateContext Present()
        {
            var all = X509CertificateLoader.LoadPkcs12Collection(Pkcs12, "secret");
            return SslStreamCertificateContext.Create(all.Single(c => c.HasPrivateKey), new X509Certificate2Collection(all.Where(c => !c.HasPrivateKey).ToArray()), offline: true);
        }
    }
}
