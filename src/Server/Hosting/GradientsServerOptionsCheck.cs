using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Text;
using Gradients.Server.Limits;
using Gradients.Server.Security;

namespace Gradients.Server.Hosting;

internal static class GradientsServerOptionsCheck
{
    /// <exception cref="ValidationException">Names the first setting that is out of range.</exception>
    public static void Validate(GradientsServerOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        TenantQuotaBinding.Validate(options);
        Validator.ValidateObject(options.Management, new ValidationContext(options.Management), validateAllProperties: true);
        Validator.ValidateObject(options.Web, new ValidationContext(options.Web), validateAllProperties: true);
        Validator.ValidateObject(options.Telemetry, new ValidationContext(options.Telemetry), validateAllProperties: true);
        AuthenticationOptionsCheck.Validate(options.Authentication);
        TlsOptionsCheck.Validate(options.Tls);
        Require(options.Telemetry.Prometheus != true || options.Management.Port is not null, "Telemetry:Prometheus needs Management:Port.");
        Require(IPAddress.TryParse(options.Address, out var address), $"Address '{options.Address}' is not an IP address.");
        Require(IPAddress.TryParse(options.Management.Address, out _), $"Management:Address '{options.Management.Address}' is not an IP address.");
        Require(
            options.Tls.IsConfigured || (options.AllowPlaintext ?? IPAddress.IsLoopback(address!)),
            $"Address {options.Address} without TLS is refused: set Tls:CertificateFile, or AllowPlaintext=true where the network itself is trusted.");
        CheckWeb(options);
        Require(options.PreferredChunkBytes <= options.MaxChunkBytes, "PreferredChunkBytes is above MaxChunkBytes.");
        Require(options.MaxChunkBytes <= options.MaxMessageBytes - 256, "MaxChunkBytes must be 256 bytes below MaxMessageBytes: a chunk has a header.");
        Require(options.WireBudgetBytes >= options.MaxMessageExpansionBytes + (2L * options.MaxMessageBytes), "WireBudgetBytes must have room for MaxMessageExpansionBytes and twice MaxMessageBytes.");
        Require(options.StreamWindowBytes <= options.ConnectionWindowBytes, "StreamWindowBytes is above ConnectionWindowBytes.");
        RequireSocket(options);
        Require(options.DefaultSessionTtl <= options.MaxSessionTtl, "DefaultSessionTtl is above MaxSessionTtl.");
    }

    private static void CheckWeb(GradientsServerOptions options)
    {
        var text = options.Web.Address ?? options.Address;
        Require(IPAddress.TryParse(text, out var address), $"Web:Address '{text}' is not an IP address.");
        Require(
            options.Web.Port is null || options.Tls.IsConfigured || (options.AllowPlaintext ?? IPAddress.IsLoopback(address!)),
            $"Web:Address {text} without TLS is refused: set Tls:CertificateFile, or AllowPlaintext=true where the network itself is trusted.");
        foreach (var origin in options.Web.AllowedOrigins)
            Require(WebOptions.IsOrigin(origin), $"Web:AllowedOrigins: '{origin}' is no origin such as https://example.org, nor *.");
    }

    private static void RequireSocket(GradientsServerOptions options)
    {
        if (options.SocketPath is not { } path)
            return;
        Require(path.Length > 0 && Encoding.UTF8.GetByteCount(Path.GetFullPath(path)) < SocketFile.MaxPathBytes, $"SocketPath '{path}' is empty or has {SocketFile.MaxPathBytes} bytes or more as a full path.");
        Require(options.Tls.ClientCertificates == ClientCertificatePolicy.None, "SocketPath has no TLS, so it does not go with Tls:ClientCertificates=Require.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ValidationException(message);
    }
}
