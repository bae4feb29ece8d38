using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class ErrorTests
{
    [Fact]
    public async Task A_deadline_stops_the_kernels()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(100) } });
        var request = Slow.Forward(100);
        request.Session = session;
        var e = await Assert.ThrowsAsync<RpcException>(async () => await server.Sessions.ForwardAsync(request, deadline: DateTime.UtcNow.AddMilliseconds(1)));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        await Eventually.TrueAsync(() => server.Host.Pool.RentedCount == 0);
    }

    /// <summary>The client would answer by itself: so the deadline travels in a header of a bare HTTP/2 request.</summary>
    [Fact]
    public async Task The_servers_own_answer_to_a_deadline_has_details()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(100) } });
        var forward = Slow.Forward(100);
        forward.Session = session;
        var status = await PostAsync(server, "gradients.v1.SessionService/Forward", Frame(forward.ToByteArray()), r => r.Headers.Add("grpc-timeout", "1m"));
        Check(status, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
    }

    [Fact]
    public async Task A_body_that_is_cut_off_is_the_clients_fault()
    {
        await using var server = await TestServer.StartAsync();
        byte[] cut = [0, 0, 0, 0, 9, 1];
        Check(await PostAsync(server, "gradients.v1.ServerService/GetServerInfo", cut), StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        Check(await PostAsync(server, "gradients.v1.ServerService/GetServerInfo", []), StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        Check(await PostAsync(server, "gradients.v1.ServerService/GetServerInfo", [.. Frame([]), .. Frame([])]), StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
    }

    [Fact]
    public async Task A_compressed_bomb_is_refused_in_bounded_memory()
    {
        await using var server = await TestServer.StartAsync();
        var inflated = new byte[256 << 20];
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
            await gzip.WriteAsync(inflated);
        inflated = null;
        var frame = Frame(compressed.ToArray(), compressed: true);
        Assert.InRange(frame.Length, 200_000, 300_000);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var status = await PostAsync(server, "gradients.v1.SessionService/DefineNodes", frame, r => r.Headers.Add("grpc-encoding", "gzip"));
        Check(status, StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE");
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32 << 20);
    }

    [Fact]
    public async Task A_reply_above_the_message_size_is_refused_and_changes_stay()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxMessageBytes = 1 << 16, MaxChunkBytes = 1 << 15, PreferredChunkBytes = 1 << 15 });
        var session = await server.OpenAsync();
        var handle = (await TensorTests.SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Float64, Shape = { 10000 } }, [.. Enumerable.Range(0, 8).Select(i => TensorTests.Chunk((ulong)(i * 10000), 10000))])).Handle;
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Input(1, 10000) } });
        await RefusedAsync(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE", async () => await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Feeds = { Feed(1, new V1.Tensor { Handle = handle }) }, Fetches = { Fetch(1) } }));
    }

    [Fact]
    public void A_fault_of_the_server_leaks_nothing()
    {
        using var drain = new Drain();
        var status = Failure.Of(new UnreachableException("secret"), timedOut: false, drain, "0af7651916cd43dd8448eb211c80319c", out var fault);
        Assert.True(fault);
        Check(status, StatusCode.Internal, "INTERNAL_ERROR");
        Assert.DoesNotContain("secret", status.ToString());
        Assert.Contains("0af7651916cd43dd8448eb211c80319c", status.ToString());
    }

    [Fact]
    public async Task Long_texts_of_a_client_are_cut_in_errors()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var status = await RefusedAsync(StatusCode.Unimplemented, "OP_UNSUPPORTED", async () => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Node(1, new string('é', 1_000_000)) } }));
        Assert.InRange(status.CalculateSize(), 0, 8000);
    }

    /// <summary>The status of a bare request: from the trailers, or from the headers where there is no body.</summary>
    private static async Task<Google.Rpc.Status> PostAsync(TestServer server, string path, byte[] body, Action<HttpRequestMessage>? change = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TE.ParseAdd("trailers");
        change?.Invoke(request);
        using var response = await http.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        var headers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        var details = headers.GetValues("grpc-status-details-bin").Single();
        var status = Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')));
        Assert.Equal(headers.GetValues("grpc-status").Single(), status.Code.ToString());
        return status;
    }

    private static byte[] Frame(byte[] message, bool compressed = false) =>
        [compressed ? (byte)1 : (byte)0, (byte)(message.Length >> 24), (byte)(message.Length >> 16), (byte)(message.Length >> 8), (byte)message.Length, .. message];
}
