namespace Gradients.Server.Hosting;

/// <summary>The ports that a server may listen on.</summary>
[Flags]
internal enum Listener
{
    /// <summary>HTTP/2, with TLS where configured: the services.</summary>
    Main = 1,

    /// <summary>HTTP/1.1: liveness, readiness, drain, metrics.</summary>
    Management = 2,

    /// <summary>HTTP/2 without TLS: grpc.health.v1 for probes.</summary>
    ManagementGrpc = 4,

    /// <summary>HTTP/1.1, and HTTP/2 with TLS: the services by gRPC-Web and JSON.</summary>
    Web = 8,

    /// <summary>Where the services are.</summary>
    Services = Main | Web,
}
