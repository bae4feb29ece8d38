using System.Net;
using System.Net.Sockets;
using Gradients.Server.Hosting;
using Microsoft.Extensions.Configuration;

namespace Gradients.Cli.Commands;

/// <summary>Where the server listens that this process's environment configures.</summary>
internal static class ServerAddress
{
    /// <summary>The port of <c>gradients serve</c> where nothing else is said.</summary>
    public const int DefaultPort = 50051;

    /// <summary>Its management port over HTTP/1.1; health over gRPC is on the next one.</summary>
    public const int DefaultManagementPort = 50052;

    /// <summary>What the server reads, the command line left out.</summary>
    public static IConfiguration Configuration() => new ConfigurationBuilder()
        .AddJsonFile("appsettings.json", optional: true)
        .AddEnvironmentVariables()
        .Build();

    /// <summary>Where grpc.health.v1 answers from this machine without TLS and credentials: the management listener.</summary>
    /// <exception cref="FormatException">The configured address is none.</exception>
    public static Uri OfHealth(IConfiguration configuration)
    {
        var options = new GradientsServerOptions { Management = { GrpcPort = DefaultManagementPort + 1 } };
        configuration.GetSection("Gradients").Bind(options);
        return Url(options.Management.Address, options.Management.GrpcPort!.Value);
    }

    public static bool IsUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";

    /// <summary>A server that listens on all addresses answers on loopback.</summary>
    private static Uri Url(string address, int port)
    {
        var ip = IPAddress.Parse(address);
        if (ip.Equals(IPAddress.Any))
            ip = IPAddress.Loopback;
        else if (ip.Equals(IPAddress.IPv6Any))
            ip = IPAddress.IPv6Loopback;
        var host = ip.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{ip}]" : ip.ToString();
        return new UriBuilder("http", host, port).Uri;
    }
}
