using Google.Protobuf;
using Google.Rpc;
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

    internal static GrpcChannel Channel(WebServer web, GrpcWebMode mode) =>
        GrpcChannel.ForAddress(web.Address, new GrpcChannelOptions { HttpHandler = new GrpcWebHandler(mode, new HttpClientHandler()), HttpVersion = System.Net.HttpVersion.Version11 });

    private static async Task UnaryAsync(GrpcChannel channel, string service, string method, byte[] message)
    {
        var bytes = Marshallers.Create<byte[]>(b => b, b => b);
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, service, method, bytes, bytes), null, default, message);
        await call;
    }
}
