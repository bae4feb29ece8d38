using System.Buffers.Binary;
using Google.Protobuf;
using Google.Rpc;
using Gradients.Testing;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Web;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Web;

/// <summary>The services by gRPC-Web, over HTTP/1.1, as bytes and as base64.</summary>
public sealed class GrpcWebTests
{
    [Theory]
    [InlineData(GrpcWebMode.GrpcWeb)]
    [InlineData(GrpcWebMode.GrpcWebText)]
    public async Task Gradients_streams_and_refusals_come_through(GrpcWebMode mode)
    {
        await using var web = await WebServer.StartAsync(o => o.PreferredChunkBytes = 8);
        using var channel = Channel(web, mode);
        var evaluation = new V1.EvaluationService.EvaluationServiceClient(channel);
        var reply = await evaluation.EvaluateAsync(EvaluateTests.Regression(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(-52.0 / 3, Elements(reply.Gradients[0].Tensor)[0], 1e-12);

        var sessions = new V1.SessionService.SessionServiceClient(channel);
        var session = (await sessions.CreateSessionAsync(new V1.CreateSessionRequest(), cancellationToken: TestContext.Current.CancellationToken)).Session.Name;
        await Graphs.DefineAsync(web.Server, session);
        using var download = new V1.TensorService.TensorServiceClient(channel).DownloadTensor(new V1.DownloadTensorRequest { Session = session, Variable = 1 }, cancellationToken: TestContext.Current.CancellationToken);
        var received = new List<byte>();
        await foreach (var part in download.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
            received.AddRange(part.Chunk?.Data ?? ByteString.Empty);
        Assert.Equal(System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([2, 3]).ToArray(), received);

        var status = await RefusedAsync(StatusCode.InvalidArgument, "EXPRESSION_SYNTAX", async () => await evaluation.EvaluateAsync(new V1.EvaluateRequest { Graph = new V1.GraphSource { Text = new V1.Expression { Source = "1 +", Result = 1 } } }));
        Assert.Equal("1", status.GetDetail<ErrorInfo>().Metadata["line"]);
        await RefusedAsync(StatusCode.InvalidArgument, "MALFORMED_MESSAGE", () => UnaryAsync(channel, "gradients.v1.EvaluationService", "Evaluate", [0xff]));
        await RefusedAsync(StatusCode.Unimplemented, "RPC_UNIMPLEMENTED", () => UnaryAsync(channel, "gradients.v1.SessionService", "Nothing", []));
        await RefusedAsync(StatusCode.Unimplemented, "RPC_UNIMPLEMENTED", () => UnaryAsync(channel, "nothing.v1.Nothing", "Nothing", []));
    }

    /// <summary>HTTP/1.1 has no stream to reset: the reply ends with the status, and what was computed is given up.</summary>
    [Fact]
    public async Task A_deadline_ends_a_call()
    {
        await using var web = await WebServer.StartAsync();
        var session = await web.Server.OpenAsync();
        await web.Server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(1) } });
        var forward = Slow.Forward(1);
        forward.Session = session;
        byte[] frame = [0, .. new byte[4], .. forward.ToByteArray()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(web.Address, "/gradients.v1.SessionService/Forward"))
        {
            Version = System.Net.HttpVersion.Version11,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new("application/grpc-web+proto") } },
            Headers = { { "grpc-timeout", "1m" } },
        };
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var status = response.Headers.TryGetValues("grpc-status", out var values) ? values.Single() : text.Split("grpc-status:")[1].Split('\r')[0].Trim();
        Assert.Equal("4", status);
        await Eventually.HoldsAsync(() => web.Server.Host.Pool.RentedCount == 0);

        // The connection and the session go on.
        using var channel = Channel(web, GrpcWebMode.GrpcWeb);
        await new V1.SessionService.SessionServiceClient(channel).GetSessionAsync(new V1.GetSessionRequest { Name = session }, cancellationToken: TestContext.Current.CancellationToken);
    }

    internal static GrpcChannel Channel(WebServer web, GrpcWebMode mode) =>
        GrpcChannel.ForAddress(web.Address, new GrpcChannelOptions { HttpHandler = new GrpcWebHandler(mode, new HttpClientHandler()), HttpVersion = System.Net.HttpVersion.Version11 });

    private static async Task UnaryAsync(GrpcChannel channel, string service, string method, byte[] message)
    {
        var bytes = Marshallers.Create<byte[]>(b => b, b => b);
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, service, method, bytes, bytes), null, default, message);
        await call;
    }
}
