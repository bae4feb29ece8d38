using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Security;

internal static class TlsOptionsCheck
{
    /// <exception cref="ValidationException">Names the first setting that is wrong.</exception>
    public static void Validate(TlsOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        Require(options.CertificateFile is not "", "Tls:CertificateFile is empty.");
        Require(options.KeyFile is not "", "Tls:KeyFile is empty.");
        Require(options.ClientCaFile is not "", "Tls:ClientCaFile is empty.");
        var isRequired = options.ClientCertificates == ClientCertificatePolicy.Require;
        Require(options.IsConfigured || (options.KeyFile is null && options.ClientCaFile is null && !isRequired), "Tls needs CertificateFile.");
        Require(isRequired == options.ClientCaFile is not null, "Tls:ClientCertificates=Require and Tls:ClientCaFile go together.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ValidationException(message);
    }
}
