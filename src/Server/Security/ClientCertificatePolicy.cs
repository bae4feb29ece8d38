namespace Gradients.Server.Security;

/// <summary>What TLS demands of clients.</summary>
public enum ClientCertificatePolicy
{
    /// <summary>Clients need no certificate.</summary>
    None,

    /// <summary>Clients without a certificate of the configured roots are not connected.</summary>
    Require,
}
