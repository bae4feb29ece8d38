using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Hosting;

/// <summary>
/// Section <c>Gradients:Web</c>: a port for browsers, curl and whoever has no gRPC over HTTP/2. Credentials, TLS, quotas and
/// limits are those of the main port.
/// </summary>
public sealed class WebOptions
{
    /// <summary>The IP address. The default value is that of the main port.</summary>
    public string? Address { get; set; }

    /// <summary>
    /// The port: HTTP/1.1, and HTTP/2 where TLS is configured; 0 = a free one, null = none. The default value is null:
    /// browsers reach it, and so do the pages that they show.
    /// </summary>
    [Range(0, 65535)]
    public int? Port { get; set; }

    /// <summary>
    /// Origins whose pages may call, such as <c>https://example.org</c>; <c>*</c> = all. The default value is none: pages of
    /// other origins may not.
    /// </summary>
    public IList<string> AllowedOrigins { get; set; } = [];

    /// <summary>True for scheme, host and port alone, as browsers write them, and for <c>*</c>.</summary>
    internal static bool IsOrigin(string text) =>
        text == "*" || (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority) == text);
}
