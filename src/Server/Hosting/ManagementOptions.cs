using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Hosting;

/// <summary>
/// Section <c>Gradients:Management</c>: ports for operators and probes, without TLS and without credentials. Whoever reaches
/// them sees metrics; draining is taken from loopback alone.
/// </summary>
public sealed class ManagementOptions
{
    /// <summary>The IP address of both ports. The default value is 127.0.0.1.</summary>
    [Required]
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>The HTTP/1.1 port of /healthz, /readyz, /drain and /metrics; 0 = a free one, null = none. The default value is null.</summary>
    [Range(0, 65535)]
    public int? Port { get; set; }

    /// <summary>The HTTP/2 port of grpc.health.v1 without TLS; 0 = a free one, null = none. The default value is null.</summary>
    [Range(0, 65535)]
    public int? GrpcPort { get; set; }
}
