using System.Collections.Concurrent;
using System.Net.Sockets;
using Grpc.Net.Client;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>A channel whose connections can be cut and led to another server.</summary>
internal sealed class Link : IDisposable
{
    private readonly ConcurrentQueue<Socket> _sockets = new();
    private readonly SocketsHttpHandler _handler;

    public Link(Uri target)
    {
        Target = target;
        _handler = new SocketsHttpHandler { ConnectCallback = ConnectAsync, EnableMultipleHttp2Connections = true };
        Channel = GrpcChannel.ForAddress("http://gradients", new GrpcChannelOptions
        {
            HttpHandler = _handler,
            MaxReceiveMessageSize = null,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(10),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(100),
        });
        Sessions = new V1.SessionService.SessionServiceClient(Channel);
        Tensors = new V1.TensorService.TensorServiceClient(Channel);
        Evaluation = new V1.EvaluationService.EvaluationServiceClient(Channel);
    }

    /// <summary>Where new connections go.</summary>
    public Uri Target { get; set; }

    public GrpcChannel Channel { get; }

    public V1.SessionService.SessionServiceClient Sessions { get; }

    public V1.TensorService.TensorServiceClient Tensors { get; }

    public V1.EvaluationService.EvaluationServiceClient Evaluation { get; }

    /// <summary>Resets all connections, as a client that vanishes; later calls connect anew.</summary>
    public void Cut()
    {
        while (_sockets.TryDequeue(out var socket))
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }
    }

    public void Dispose()
    {
        Channel.Dispose();
        _handler.Dispose();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Target.Host, Target.Port, cancellation);
        _sockets.Enqueue(socket);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
