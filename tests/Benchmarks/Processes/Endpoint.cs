using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Gradients.Client;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Processes;

/// <summary>One way to a server.</summary>
/// <param name="Name">What rows call it.</param>
/// <param name="Address">As the SDK takes it.</param>
/// <param name="Authority">A PEM file of the root that its certificate leads to; null without TLS.</param>
internal sealed record Endpoint(string Name, string Address, string? Authority = null)
{
    private const int StreamWindowBytes = 4 << 20;
    private const string SocketScheme = "unix:";

    /// <summary>A channel for generated clients. Messages may have any size.</summary>
    public GrpcChannel Open() =>
        GrpcChannel.ForAddress(Base, new GrpcChannelOptions { HttpHandler = Handler(), DisposeHttpClient = true, MaxReceiveMessageSize = null, MaxSendMessageSize = null });

    /// <summary>A client for HTTP without gRPC.</summary>
    public HttpClient OpenHttp() => new(Handler()) { BaseAddress = new Uri(Base) };

    /// <summary>The SDK's client.</summary>
    public GradientsClient Connect() => new(Address, new GradientsClientOptions { ServerCaFile = Authority });

    private string? SocketPath => Address.StartsWith(SocketScheme, StringComparison.Ordinal) ? Address[SocketScheme.Length..] : null;

    private string Base => SocketPath is null ? Address : "http://localhost";

    private SocketsHttpHandler Handler()
    {
        var handler = new SocketsHttpHandler { InitialHttp2StreamWindowSize = StreamWindowBytes };
        if (SocketPath is { } socket)
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(socket, cancellation);
        if (Authority is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(Authority);
            handler.SslOptions.CertificateChainPolicy = policy;
        }

        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
