using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.CalloutStream;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>Custom nodes over a real socket: asked ahead of results, answered ahead of the queue, and every way in which that can fail.</summary>
public sealed class CalloutTests
{
    [Fact]
    public async Task A_command_waits_for_the_answer_and_the_others_for_the_command()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, _) = await OpenAsync(server);
        using (stream)
        {
            await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward(value: 3) }, new V1.SessionCommand { Tag = 2, Forward = Forward() }, new V1.SessionCommand { Tag = 3, Forward = Forward(value: 3) });
            var (first, asked) = (await stream.NextAsync(), await stream.NextAsync());
            if (first.Callout is not null)
                (first, asked) = (asked, first);
            Assert.Equal(1UL, first.Tag);
            Assert.Equal(2UL, asked.Tag);
            Assert.Matches("^[0-9a-f]{32}$", asked.TraceId);
            var callout = asked.Callout;
            Assert.Equal((2UL, "f", V1.CalloutPhase.Forward), (callout.Node, callout.Name, callout.Phase));
            Assert.Equal([5.0, 7.0], Elements(Assert.Single(callout.Inputs)));
            Assert.Equal([0U], callout.Wanted);
            Assert.Equal(Type(2), Assert.Single(callout.Types_));
            Assert.Empty(callout.Outputs);
            await stream.AnswerAsync(callout.Callout, Tensor([1, 2], 2));
            var result = await stream.NextAsync();
            Assert.Equal(2UL, result.Tag);
            Assert.Equal([1.0, 2.0], Elements(result.Forward.Values[0].Tensor));
            Assert.Equal(3UL, (await stream.NextAsync()).Tag);
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task Backward_gets_what_is_saved_and_the_cotangents()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, _) = await OpenAsync(server, new V1.Attribute { Name = "saved_inputs", Ints = new V1.Int64List() });
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Backward = new V1.BackwardRequest { Feeds = { Feed(1, Tensor([5, 7], 2)) }, Roots = { Root(2, Tensor([10, 20], 2)) }, Wrt = { 1 } } });

        // The value itself is not fetched, but backward sees it.
        await stream.AnswerAsync((await stream.AskedAsync()).Callout, Tensor([25, 49], 2));
        var callout = await stream.AskedAsync();
        Assert.Equal(V1.CalloutPhase.Backward, callout.Phase);
        Assert.Equal(V1.Tensor.ContentOneofCase.None, callout.Inputs[0].ContentCase);
        Assert.Equal([2L], callout.Inputs[0].Shape);
        Assert.Equal([25.0, 49.0], Elements(callout.Outputs[0]));
        Assert.Equal([10.0, 20.0], Elements(callout.Cotangents[0]));
        await stream.AnswerAsync(callout.Callout, Tensor([100, 280], 2));
        var result = await stream.NextAsync();
        Assert.Equal([100.0, 280.0], Elements(result.Backward.Gradients[0].Tensor));
    }

    [Fact]
    public async Task A_second_derivative_is_refused_by_the_nodes_name()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        using var _ = stream;
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Node(4, "ReduceSum", 2).With("keepdims", 0), Node(5, "Gradient", 4, 1).With("wrt", 1) } });
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Backward = new V1.BackwardRequest { Feeds = { Feed(1, Tensor([5, 7], 2)) }, Roots = { Root(5, Tensor([1, 1], 2)) }, Wrt = { 1 } } });
        var error = (await stream.NextAsync()).Error;
        Check(error, StatusCode.Unimplemented, "OP_NOT_DIFFERENTIABLE");
        Assert.Equal("2", error.GetDetail<ErrorInfo>().Metadata["node"]);
    }

    [Theory]
    [InlineData("shape", StatusCode.InvalidArgument, "SHAPE_MISMATCH")]
    [InlineData("type", StatusCode.InvalidArgument, "DATA_TYPE_MISMATCH")]
    [InlineData("size", StatusCode.InvalidArgument, "CONTENT_SIZE_MISMATCH")]
    [InlineData("content", StatusCode.InvalidArgument, "INVALID_FIELD")]
    [InlineData("handle", StatusCode.NotFound, "TENSOR_NOT_FOUND")]
    [InlineData("count", StatusCode.InvalidArgument, "INPUT_COUNT_MISMATCH")]
    [InlineData("missing", StatusCode.InvalidArgument, "INPUT_COUNT_MISMATCH")]
    [InlineData("many", StatusCode.ResourceExhausted, "LIMIT_EXCEEDED")]
    [InlineData("error", StatusCode.FailedPrecondition, "CALLOUT_FAILED")]
    public async Task A_wrong_answer_fails_the_command_and_nothing_else(string fault, StatusCode code, string reason)
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxValuesPerRequest = 16 });
        var (stream, _) = await OpenAsync(server);
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        var callout = (await stream.AskedAsync()).Callout;
        V1.Tensor?[] values = fault switch
        {
            "shape" => [Tensor([1, 2, 3], 3)],
            "type" => [new V1.Tensor { DataType = V1.DataType.Float32, Shape = { 2 }, Raw = ByteString.CopyFrom(new byte[8]) }],
            "size" => [Tensor([1, 2, 3], 2)],
            "content" => [new V1.Tensor { DataType = V1.DataType.Float64, Shape = { 2 } }],
            "handle" => [new V1.Tensor { Handle = "tensors/77" }],
            "count" => [Tensor([1, 2], 2), Tensor([1, 2], 2)],
            "many" => [.. Enumerable.Repeat(Tensor([1, 2], 2), 17)],
            _ => [null],
        };
        if (fault == "error")
            await stream.SendAsync(new V1.SessionCommand { CalloutReply = new V1.CalloutReply { Callout = callout, Error = new Google.Rpc.Status { Code = 2, Message = "no licence" } } });
        else
            await stream.AnswerAsync(callout, values);
        var failed = await stream.NextAsync();
        Assert.Equal(1UL, failed.Tag);
        Check(failed.Error, code, reason);
        Assert.Equal("2", failed.Error.GetDetail<ErrorInfo>().Metadata["node"]);
        if (fault == "error")
            Assert.Contains("no licence", failed.Error.Message, StringComparison.Ordinal);
        await stream.SendAsync(new V1.SessionCommand { Tag = 2, Forward = Forward(value: 3) });
        Assert.NotNull((await stream.NextAsync()).Forward);
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task An_answer_that_nobody_waits_for_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, _) = await OpenAsync(server);
        using var _ = stream;
        await stream.AnswerAsync(77, Tensor([1, 2], 2));
        Check((await stream.NextAsync()).Error, StatusCode.NotFound, "CALLOUT_NOT_FOUND");
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        var callout = (await stream.AskedAsync()).Callout;
        await stream.AnswerAsync(callout, Tensor([1, 2], 2));
        await stream.AnswerAsync(callout, Tensor([3, 4], 2));
        var first = await stream.NextAsync();
        Assert.Equal([1.0, 2.0], Elements(first.Forward.Values[0].Tensor));
        var second = await stream.NextAsync();
        Assert.Equal(900UL, second.Tag);
        Check(second.Error, StatusCode.NotFound, "CALLOUT_NOT_FOUND");
    }

    [Fact]
    public async Task An_answer_that_does_not_come_is_a_timeout()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { CalloutTimeout = TimeSpan.FromSeconds(3) }, time);
        var (stream, _) = await OpenAsync(server);
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        var callout = (await stream.AskedAsync()).Callout;
        time.Advance(TimeSpan.FromSeconds(2.9));
        time.Advance(TimeSpan.FromSeconds(0.2));
        Check((await stream.NextAsync()).Error, StatusCode.DeadlineExceeded, "CALLOUT_TIMEOUT");
        await stream.AnswerAsync(callout, Tensor([1, 2], 2));
        Check((await stream.NextAsync()).Error, StatusCode.NotFound, "CALLOUT_NOT_FOUND");
    }

    [Fact]
    public async Task A_commands_own_timeout_ends_its_call_out()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(null, time);
        var (stream, _) = await OpenAsync(server);
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward(), Timeout = new Duration { Seconds = 1 } });
        await stream.AskedAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        Check((await stream.NextAsync()).Error, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
    }

    [Fact]
    public async Task Without_a_stream_nobody_can_be_asked()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        stream.Dispose();
        await RefusedAsync(StatusCode.FailedPrecondition, "CALLOUT_UNAVAILABLE", async () => await server.Sessions.ForwardAsync(Forward(session)));
        await RefusedAsync(StatusCode.FailedPrecondition, "CALLOUT_UNAVAILABLE", async () => await server.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, 2), Custom(2, "f", [1]) } } },
            Feeds = { Feed(1, Tensor([5, 7], 2)) },
            Fetches = { Fetch(2) },
        }));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task A_unary_command_asks_the_stream_that_owns_the_session()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        using var _ = stream;
        var reply = server.Sessions.ForwardAsync(Forward(session));
        var asked = await stream.NextAsync();
        Assert.Equal(0UL, asked.Tag);
        await stream.AnswerAsync(asked.Callout.Callout, Tensor([3, 4], 2));
        var values = (await reply).Values;
        Assert.Equal([3.0, 4.0], Elements(values[0].Tensor));
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("closed")]
    [InlineData("taken over")]
    public async Task The_end_of_the_stream_ends_what_it_was_asked(string end)
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        CalloutStream? other = null;
        var reply = server.Sessions.ForwardAsync(Forward(session));
        await stream.AskedAsync();
        if (end == "gone")
            stream.Dispose();
        else if (end == "closed")
            await stream.CloseAsync();
        else
            other = await AttachAfterAsync(server, session, stream);
        await RefusedAsync(StatusCode.FailedPrecondition, "CALLOUT_UNAVAILABLE", async () => await reply);
        other ??= await AttachAsync(server, session);

        // The session goes on, and the next command asks the new owner.
        await other.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        var callout = other.AskedAsync();
        await other.AnswerAsync((await callout).Callout, Tensor([1, 2], 2));
        Assert.NotNull((await other.NextAsync()).Forward);
        other.Dispose();
        stream.Dispose();
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task A_client_that_goes_away_leaves_its_command_undone()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Variable(8, 2), Custom(9, "f", [8]) } });
        await server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = 8, Tensor = Tensor([1, 2], 2) } } });
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, SetVariables = new V1.SetVariablesRequest { Updates = { new V1.VariableUpdate { Variable = 8, Value = 9 } } } });
        await stream.AskedAsync();
        stream.Dispose();
        var reply = await server.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = session });
        Assert.Equal([1.0, 2.0], Elements(reply.Variables[0].Value));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_drain_waits_for_answers_and_begins_nothing_new(bool unary)
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        using var _ = stream;
        // Keeps the connection open until the stream's end has come.
        using var upload = server.Tensors.UploadTensor();
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 2 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        var called = unary ? server.Sessions.ForwardAsync(Forward(session)).ResponseAsync : null;
        if (!unary)
            await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() }, new V1.SessionCommand { Tag = 2, Forward = Forward() });
        var callout = (await stream.AskedAsync()).Callout;
        var stopping = server.App.StopAsync();
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest()));
        await stream.SendAsync(new V1.SessionCommand { Tag = 3, Forward = Forward(value: 3) });
        await stream.AnswerAsync(callout, Tensor([1, 2], 2));
        if (called is not null)
        {
            var reply = await called;
            Assert.Equal([1.0, 2.0], Elements(reply.Values[0].Tensor));
        }
        else
        {
            // The second asks only now, when the server drains.
            var results = new List<V1.CommandResult> { await stream.NextAsync(), await stream.NextAsync() };
            await stream.AnswerAsync(results.Single(r => r.Callout is not null).Callout.Callout, Tensor([3, 4], 2));
            results.Add(await stream.NextAsync());
            Assert.Equal([1UL, 2UL], results.Where(r => r.Forward is not null).Select(r => r.Tag));
        }

        await RefusedAsync(StatusCode.Unavailable, "DRAINING", stream.NextAsync);
        await upload.RequestStream.WriteAsync(TensorTests.Chunk(0, 2));
        await upload.RequestStream.CompleteAsync();
        await upload;
        await stopping;
    }

    [Fact]
    public async Task A_drain_does_not_wait_for_an_answer_beyond_its_time()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { DrainTimeout = TimeSpan.FromSeconds(7) }, time);
        var (stream, _) = await OpenAsync(server);
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        await stream.AskedAsync();
        var stopping = server.App.StopAsync();
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest()));
        Assert.False(stopping.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(7));
        await Assert.ThrowsAsync<RpcException>(stream.NextAsync);
        await stopping;
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    [Fact]
    public async Task An_answer_passes_a_full_queue()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxQueuedCommands = 2 });
        var (stream, _) = await OpenAsync(server);
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        var callout = (await stream.AskedAsync()).Callout;
        for (ulong tag = 2; tag <= 30; tag++)
            await stream.SendAsync(new V1.SessionCommand { Tag = tag, Forward = Forward(value: 3) });
        for (var i = 0; i < 28; i++)
            Check((await stream.NextAsync()).Error, StatusCode.Aborted, "SESSION_BUSY");
        await stream.AnswerAsync(callout, Tensor([1, 2], 2));
        Assert.Equal((1UL, 2UL), ((await stream.NextAsync()).Tag, (await stream.NextAsync()).Tag));
    }

    [Fact]
    public async Task A_command_from_inside_is_refused_and_one_from_outside_waits()
    {
        await using var server = await TestServer.StartAsync();
        var (stream, session) = await OpenAsync(server);
        using var _ = stream;
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = Forward() });
        var callout = (await stream.AskedAsync()).Callout;
        await stream.SendAsync(new V1.SessionCommand { Tag = 2, Forward = Forward(value: 3) }, new V1.SessionCommand { Tag = 3, Forward = Forward(value: 3), InsideCallout = callout });
        var refused = await stream.NextAsync();
        Assert.Equal(3UL, refused.Tag);
        Check(refused.Error, StatusCode.FailedPrecondition, "CALLOUT_NESTED");
        Metadata Inside(string text) => new() { { "gradients-inside-callout", text } };
        await RefusedAsync(StatusCode.FailedPrecondition, "CALLOUT_NESTED", async () => await server.Sessions.ForwardAsync(Forward(session, 3), Inside($"{callout}")));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Sessions.ForwardAsync(Forward(session, 3), Inside("x")));
        await stream.AnswerAsync(callout, Tensor([1, 2], 2));
        Assert.Equal((1UL, 2UL), ((await stream.NextAsync()).Tag, (await stream.NextAsync()).Tag));

        // What says so late is from outside by now.
        await stream.SendAsync(new V1.SessionCommand { Tag = 4, Forward = Forward(value: 3), InsideCallout = callout });
        Assert.NotNull((await stream.NextAsync()).Forward);
    }

    [Fact]
    public async Task Tensors_without_room_in_a_message_are_handles_for_as_long_as_it_takes()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxMessageBytes = 16 << 10, MaxChunkBytes = 8 << 10, PreferredChunkBytes = 4 << 10 });
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Input(1, 1024), Custom(2, "f", [1, 1]) } });
        using var stream = await AttachAsync(server, session);
        var elements = Enumerable.Range(0, 1024).Select(i => i / 3.0).ToArray();
        await stream.SendAsync(new V1.SessionCommand { Tag = 1, Forward = new V1.ForwardRequest { Feeds = { Feed(1, Tensor(elements, 1024)) }, Fetches = { Fetch(2) } } });
        var callout = await stream.AskedAsync();
        Assert.Equal(elements, Elements(callout.Inputs[0]));
        Assert.Equal(V1.Tensor.ContentOneofCase.Handle, callout.Inputs[1].ContentCase);
        using var download = server.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = session, Handle = callout.Inputs[1].Handle });
        var bytes = new List<byte>();
        await foreach (var part in download.ResponseStream.ReadAllAsync())
            bytes.AddRange(part.Chunk?.Data ?? ByteString.Empty);
        Assert.Equal(Tensor(elements, 1024).Raw.ToByteArray(), bytes);

        // The value may be a handle as well: the very one that was sent.
        await stream.AnswerAsync(callout.Callout, new V1.Tensor { Handle = callout.Inputs[1].Handle });
        Assert.Equal(elements, Elements((await stream.NextAsync()).Forward.Values[0].Tensor));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    private static async Task<CalloutStream> AttachAfterAsync(TestServer server, string session, CalloutStream owner)
    {
        // Attached at once, while the first command of the new owner waits for what the old one was asked.
        var attaching = AttachAsync(server, session);
        await Assert.ThrowsAsync<RpcException>(owner.NextAsync);
        return await attaching;
    }
}
