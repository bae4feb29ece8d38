using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class ReplayTests
{
    [Fact]
    public async Task A_retried_backward_does_not_accumulate_twice()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session, V1.GradientMode.Both);
        request.RequestId = Id(1);
        using var first = server.Sessions.BackwardAsync(request);
        var executed = await first;
        Assert.Null((await first.ResponseHeadersAsync).GetValue("gradients-replayed"));
        using var second = server.Sessions.BackwardAsync(request);
        var replayed = await second;
        Assert.Equal("true", (await second.ResponseHeadersAsync).GetValue("gradients-replayed"));
        Assert.Equal("5 7", await GradientTextAsync(server, session));

        // Type and shape stay, the elements are not stored.
        Assert.Equal([5.0, 7.0], Elements(executed.Gradients[0].Tensor));
        Assert.Equal([2L], replayed.Gradients[0].Tensor.Shape);
        Assert.Equal(V1.Tensor.ContentOneofCase.None, replayed.Gradients[0].Tensor.ContentCase);
        Assert.NotEqual(executed.TraceId, replayed.TraceId);
    }

    [Fact]
    public async Task A_stream_replays_what_a_unary_call_executed()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session, V1.GradientMode.Accumulate);
        request.RequestId = Id(5);
        await server.Sessions.BackwardAsync(request);
        using var stream = server.Sessions.Interact();
        request.Session = "";
        await stream.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, Backward = request }, new V1.SessionCommand { Tag = 2, Backward = request } } });
        await stream.RequestStream.CompleteAsync();
        var results = await InteractTests.AllAsync(stream);
        Assert.All(results, r => Assert.True(r.Replayed));
        Assert.Equal("5 7", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task A_second_copy_in_flight_waits_for_the_first()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        using var stream = server.Sessions.Interact();
        var request = new V1.InteractRequest { Session = session };
        for (ulong tag = 1; tag <= 20; tag++)
        {
            var backward = Backward("", V1.GradientMode.Accumulate);
            backward.RequestId = Id(1);
            request.Commands.Add(new V1.SessionCommand { Tag = tag, Backward = backward });
        }

        await stream.RequestStream.WriteAsync(request);
        await stream.RequestStream.CompleteAsync();
        var results = await InteractTests.AllAsync(stream);
        Assert.Equal(19, results.Count(r => r.Replayed));
        Assert.Equal("5 7", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task Another_payload_under_the_same_id_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Set(session, 8, 9);
        request.RequestId = Id(1);
        await server.Sessions.SetVariablesAsync(request);
        request.Updates[0].Tensor = Tensor([0, 0], 2);
        await RefusedAsync(StatusCode.AlreadyExists, "REQUEST_ID_REUSED", async () => await server.Sessions.SetVariablesAsync(request));
        await RefusedAsync(StatusCode.AlreadyExists, "REQUEST_ID_REUSED", async () => await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = session, RequestId = Id(1) }));
        var value = await ValueAsync(server, session);
        Assert.Equal([8.0, 9.0], value);

        // The same number of another client is another id.
        request.RequestId = Id(1, client: 8);
        await server.Sessions.SetVariablesAsync(request);
        value = await ValueAsync(server, session);
        Assert.Equal([0.0, 0.0], value);
    }

    [Fact]
    public async Task An_id_below_the_window_is_refused_not_executed()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { RequestIdWindow = 4 });
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        for (ulong number = 1; number <= 5; number++)
        {
            var request = Backward(session, V1.GradientMode.Accumulate);
            request.RequestId = Id(number);
            await server.Sessions.BackwardAsync(request);
        }

        var old = Backward(session, V1.GradientMode.Accumulate);
        old.RequestId = Id(1);
        await RefusedAsync(StatusCode.Aborted, "REQUEST_ID_EXPIRED", async () => await server.Sessions.BackwardAsync(old));
        Assert.Equal("25 35", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task A_failed_request_may_be_tried_again()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var request = Backward(session);
        request.RequestId = Id(1);
        await RefusedAsync(StatusCode.NotFound, "VALUE_NOT_FOUND", async () => await server.Sessions.BackwardAsync(request));
        await DefineAsync(server, session);
        var reply = await server.Sessions.BackwardAsync(request);
        Assert.Equal([5.0, 7.0], Elements(reply.Gradients[0].Tensor));
    }

    [Fact]
    public async Task Creating_a_session_twice_gives_the_same()
    {
        await using var server = await TestServer.StartAsync();
        var request = new V1.CreateSessionRequest { RequestId = Id(1), Label = "one" };
        var first = await server.Sessions.CreateSessionAsync(request);
        using var call = server.Sessions.CreateSessionAsync(request);
        Assert.Equal(first.Session.Name, (await call).Session.Name);
        Assert.Equal("true", (await call.ResponseHeadersAsync).GetValue("gradients-replayed"));
        request.RequestId = Id(2);
        Assert.NotEqual(first.Session.Name, (await server.Sessions.CreateSessionAsync(request)).Session.Name);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(15, 1)]
    [InlineData(17, 1)]
    [InlineData(16, 0)]
    public async Task An_id_has_16_bytes_and_a_number(int bytes, ulong number)
    {
        await using var server = await TestServer.StartAsync();
        var id = new V1.RequestId { ClientId = Google.Protobuf.ByteString.CopyFrom(new byte[bytes]), Number = number };
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Sessions.CreateSessionAsync(new V1.CreateSessionRequest { RequestId = id }));
    }
}
