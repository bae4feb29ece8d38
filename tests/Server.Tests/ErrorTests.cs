using System.Diagnostics;
using Google.Protobuf;
using Google.Rpc;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Testing;
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
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
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
        var status = await BareRequests.PostAsync(server, "gradients.v1.SessionService/Forward", BareRequests.Frame(forward.ToByteArray()), r => r.Headers.Add("grpc-timeout", "1m"));
        Check(status, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
    }

    [Fact]
    public async Task A_body_that_is_cut_off_is_the_clients_fault()
    {
        await using var server = await TestServer.StartAsync();
        byte[] cut = [0, 0, 0, 0, 9, 1];
        Check(await BareRequests.PostAsync(server, "gradients.v1.ServerService/GetServerInfo", cut), StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        Check(await BareRequests.PostAsync(server, "gradients.v1.ServerService/GetServerInfo", []), StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        Check(await BareRequests.PostAsync(server, "gradients.v1.ServerService/GetServerInfo", [.. BareRequests.Frame([]), .. BareRequests.Frame([])]), StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
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
        var status = Failure.Of(new UnreachableException("secret"), timedOut: false, over: false, drain, "0af7651916cd43dd8448eb211c80319c", out var fault);
        Assert.True(fault);
        Check(status, StatusCode.Internal, "INTERNAL_ERROR");
        Assert.DoesNotContain("secret", status.ToByteString().ToStringUtf8());
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", status.GetDetail<ErrorInfo>().Metadata["trace_id"]);
    }

    [Fact]
    public async Task Long_texts_of_a_client_are_cut_in_errors()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var status = await RefusedAsync(StatusCode.Unimplemented, "OP_UNSUPPORTED", async () => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Node(1, new string('é', 1_000_000)) } }));
        Assert.InRange(status.CalculateSize(), 0, 8000);
    }
}
