using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Security;

/// <summary>Section <c>Gradients:Tls</c>: TLS 1.2 and 1.3 on the main listener. Changed files are read while the server runs; new connections get what is new.</summary>
public sealed class TlsOptions
{
    /// <summary>
    /// The server's certificate and those between it and the root: PEM, or PKCS #12 (.pfx) with its key. The default value is
    /// none: no TLS.
    /// </summary>
    public string? CertificateFile { get; set; }

    /// <summary>The private key as PEM. The default value is none: the key is in <see cref="CertificateFile"/>.</summary>
    public string? KeyFile { get; set; }

    /// <summary>The password of the key. The default value is none.</summary>
    public string? Password { get; set; }

    /// <summary>Whether clients must have a certificate. The default value is <see cref="ClientCertificatePolicy.None"/>.</summary>
    [EnumDataType(typeof(ClientCertificatePolicy))]
    public ClientCertificatePolicy ClientCertificates { get; set; }

    /// <summary>The roots that clients' certificates must lead to, as PEM; the machine's own are not trusted. The default value is none.</summary>
    public string? ClientCaFile { get; set; }

    /// <summary>Time between two looks whether a file has changed. The default value is 10 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromSeconds(10);

    internal bool IsConfigured => CertificateFile is not null;
}
