using Google.Protobuf.WellKnownTypes;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class InteractTests
{
    [Fact]
    public async Task A_program_in_one_message_gives_its_results_in_order()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        await stream.RequestStream.WriteAsync(new V1.InteractRequest
        {
            Session = session,
            Commands =
            {
                new V1.SessionCommand { Tag = 1, DefineNodes = Define("") },
                new V1.SessionCommand { Tag = 2, SetVariables = Set("", 2, 3) },
                new V1.SessionCommand { Tag = 3, Backward = Backward("", V1.GradientMode.Both) },
                new V1.SessionCommand { Tag = 4, Forward = new V1.ForwardRequest { Fetches = { Fetch(999) } } },
                new V1.SessionCommand { Tag = 5, ApplyGradients = new V1.ApplyGradientsRequest { Optimizer = new V1.Optimizer { Sgd = new V1.Sgd { LearningRate = 1 } } } },
                new V1.SessionCommand { Tag = 6, GetVariables = new V1.GetVariablesRequest() },
                new V1.SessionCommand { Tag = 7, ZeroGradients = new V1.ZeroGradientsRequest() },
                new V1.SessionCommand { Tag = 8, ReleaseResources = new V1.ReleaseResourcesRequest { Nodes = { 4 } } },
                new V1.SessionCommand { Tag = 9, CalloutReply = new V1.CalloutReply { Callout = 1 } },
                new V1.SessionCommand { Tag = 10 },
            },
        });
        await stream.RequestStream.CompleteAsync();
        var results = await AllAsync(stream);
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (ulong)i), results.Select(r => r.Tag));
        Assert.Equal([5.0, 7.0], Elements(results[2].Backward.Gradients[0].Tensor));
        Assert.Equal(results[2].TraceId, results[2].Backward.TraceId);
        Check(results[3].Error, StatusCode.NotFound, "VALUE_NOT_FOUND");
        Assert.Equal([-3.0, -4.0], Elements(results[5].GetVariables.Variables[0].Value));
        Check(results[8].Error, StatusCode.NotFound, "CALLOUT_NOT_FOUND");
        Check(results[9].Error, StatusCode.InvalidArgument, "INVALID_FIELD");
        Assert.Equal(10, results.Select(r => r.TraceId).Where(t => t.Length == 32).Count());
    }

    [Fact]
    public async Task A_command_belongs_to_the_trace_that_it_names()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        await stream.RequestStream.WriteAsync(new V1.InteractRequest
        {
            Session = session,
            Commands =
            {
                new V1.SessionCommand { Tag = 1, DefineNodes = Define(""), Trace = new V1.TraceContext { Traceparent = $"00-{Trace}-b7ad6b7169203331-01" } },
                new V1.SessionCommand { Tag = 2, ZeroGradients = new V1.ZeroGradientsRequest(), Trace = new V1.TraceContext { Traceparent = "nonsense\r\n" } },
            },
        });
        await stream.RequestStream.CompleteAsync();
        var results = await AllAsync(stream);
        Assert.Equal(Trace, results[0].TraceId);
        Assert.Matches("^[0-9a-f]{32}$", results[1].TraceId);
        Assert.NotEqual(Trace, results[1].TraceId);
    }

    [Fact]
    public async Task A_second_stream_takes_the_session_over()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var first = server.Sessions.Interact();
        await AttachAsync(first, session);
        using var second = server.Sessions.Interact();
        await AttachAsync(second, session);
        await RefusedAsync(StatusCode.Aborted, "SESSION_TAKEN_OVER", async () => await AllAsync(first));
        await second.RequestStream.WriteAsync(new V1.InteractRequest { Commands = { new V1.SessionCommand { Tag = 2, ZeroGradients = new V1.ZeroGradientsRequest() } } });
        await second.RequestStream.CompleteAsync();
        Assert.Equal([2UL], (await AllAsync(second)).Select(r => r.Tag));
    }

    [Fact]
    public async Task An_idle_stream_ends()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { StreamIdleTimeout = TimeSpan.FromSeconds(20) }, time);
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        await AttachAsync(stream, session);
        time.Advance(TimeSpan.FromSeconds(10));
        using var silent = server.Sessions.Interact();
        await RefusedAsync(StatusCode.DeadlineExceeded, "STREAM_IDLE_TIMEOUT", () => Eventually.DrivenAsync(AllAsync(stream), () =>
        {
            time.Advance(TimeSpan.FromSeconds(20));
            return Task.CompletedTask;
        }));
    }

    [Fact]
    public async Task A_full_queue_refuses_but_keeps_the_stream()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxQueuedCommands = 2 });
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(100) } });
        using var stream = server.Sessions.Interact();
        var request = new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Forward = Slow.Forward(100) } } };
        for (ulong tag = 1; tag < 200; tag++)
            request.Commands.Add(new V1.SessionCommand { Tag = tag, Backward = Backward("") });
        await stream.RequestStream.WriteAsync(request);
        await stream.RequestStream.CompleteAsync();
        var results = await AllAsync(stream);
        Assert.Equal(200, results.Count);
        var refused = results.Where(r => r.Error is not null).ToList();
        Assert.NotEmpty(refused);
        Assert.All(refused, r => Check(r.Error, StatusCode.Aborted, "SESSION_BUSY"));
        Assert.Contains(results, r => r.Backward is not null);
    }

    [Fact]
    public async Task A_command_past_its_timeout_changes_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        using var stream = server.Sessions.Interact();
        await stream.RequestStream.WriteAsync(new V1.InteractRequest
        {
            Session = session,
            Commands =
            {
                new V1.SessionCommand { Tag = 1, DefineNodes = new V1.DefineNodesRequest { Nodes = { Slow.Nodes(100) } } },
                new V1.SessionCommand { Tag = 2, Forward = Slow.Forward(100) },
                new V1.SessionCommand { Tag = 3, Backward = Backward("", V1.GradientMode.Accumulate), Timeout = new Duration { Nanos = 1000 } },
            },
        });
        await stream.RequestStream.CompleteAsync();
        var results = await AllAsync(stream);
        Check(results[2].Error, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
        Assert.Equal("absent", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task A_command_is_cancelled_by_its_tag_ahead_of_a_full_queue()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxQueuedCommands = 4 });
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(100) } });
        using var stream = server.Sessions.Interact();
        var request = new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, Forward = Slow.Forward(100) } } };
        for (ulong tag = 2; tag <= 4; tag++)
            request.Commands.Add(new V1.SessionCommand { Tag = tag / 2, Backward = Backward("", V1.GradientMode.Accumulate) });
        request.Commands.Add(new V1.SessionCommand { Tag = 5, Cancel = new V1.CancelRequest { Tag = 1 } });
        request.Commands.Add(new V1.SessionCommand { Tag = 6, Cancel = new V1.CancelRequest { Tag = 99 } });
        await stream.RequestStream.WriteAsync(request);
        await stream.RequestStream.CompleteAsync();
        var results = await AllAsync(stream);

        // Tags need not be unique: the first three commands had the one that was cancelled.
        Assert.Equal([1UL, 1, 1, 2, 5, 6], results.Select(r => r.Tag));
        Assert.All(results.Take(3), r => Check(r.Error, StatusCode.Cancelled, "CANCELLED"));
        Assert.Equal(3u, results[4].Cancel.Commands);
        Assert.Equal(0u, results[5].Cancel.Commands);
        Assert.Equal("5 7", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task A_bad_command_fails_itself_and_what_needs_it()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        await stream.RequestStream.WriteAsync(new V1.InteractRequest
        {
            Session = session,
            Commands =
            {
                new V1.SessionCommand { Tag = 1, DefineNodes = Define("") },
                new V1.SessionCommand { Tag = 2, SetVariables = Set("", 2, 3) },
                new V1.SessionCommand { Tag = 3, DefineNodes = new V1.DefineNodesRequest { Nodes = { Node(10, "Neg", 4), Node(11, "NoSuchOp", 10) } } },
                new V1.SessionCommand { Tag = 4, Backward = new V1.BackwardRequest { Feeds = { Feed(2, Tensor([5, 7], 2)) }, Roots = { Root(10) }, Mode = V1.GradientMode.Accumulate } },
                new V1.SessionCommand { Tag = 5, Backward = Backward("", V1.GradientMode.Accumulate) },
            },
        });
        await stream.RequestStream.CompleteAsync();
        var results = await AllAsync(stream);
        Assert.Equal([1UL, 2, 3, 4, 5], results.Select(r => r.Tag));
        Check(results[2].Error, StatusCode.Unimplemented, "OP_UNSUPPORTED");
        Check(results[3].Error, StatusCode.NotFound, "VALUE_NOT_FOUND");
        Assert.NotNull(results[4].Backward);
        Assert.Equal("5 7", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task A_dropped_stream_is_resumed_and_nothing_is_applied_twice()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        V1.InteractRequest Steps(ulong first, ulong last)
        {
            var message = new V1.InteractRequest { Session = session };
            for (var number = first; number <= last; number++)
            {
                var backward = Backward("", V1.GradientMode.Accumulate);
                backward.RequestId = Id(number);
                message.Commands.Add(new V1.SessionCommand { Tag = number, Backward = backward });
            }

            return message;
        }

        // Dropped three times at different moments: when the first result is there, at once, and when all are.
        foreach (var read in new[] { 1, 0, 100 })
        {
            using var dropped = server.Sessions.Interact();
            await dropped.RequestStream.WriteAsync(Steps(1, 100));
            for (var results = 0; results < read; results += dropped.ResponseStream.Current.Results.Count)
                Assert.True(await dropped.ResponseStream.MoveNext(default));
        }

        using var stream = server.Sessions.Interact();
        await stream.RequestStream.WriteAsync(Steps(1, 150));
        await stream.RequestStream.CompleteAsync();
        var all = await AllAsync(stream);
        Assert.All(all, r => Assert.NotNull(r.Backward));
        Assert.All(all.Take(100), r => Assert.True(r.Replayed));
        Assert.All(all.Skip(100), r => Assert.False(r.Replayed));
        Assert.Equal("750 1050", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task Requests_that_are_one_message_each_are_pipelined_too()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        using var stream = server.Sessions.Interact();
        await AttachAsync(stream, session);
        var all = AllAsync(stream);
        for (ulong tag = 1; tag <= 500; tag++)
            await stream.RequestStream.WriteAsync(new V1.InteractRequest { Commands = { new V1.SessionCommand { Tag = tag, Backward = Backward("", V1.GradientMode.Accumulate) } } });
        await stream.RequestStream.CompleteAsync();
        Assert.Equal(Enumerable.Range(1, 500).Select(i => (ulong)i), (await all).Select(r => r.Tag));
        Assert.Equal("2500 3500", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task A_client_that_goes_away_leaves_nothing_behind()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(100) } });
        for (var round = 0; round < 5; round++)
        {
            var stream = server.Sessions.Interact();
            var request = new V1.InteractRequest { Session = session };
            for (ulong tag = 1; tag <= 20; tag++)
                request.Commands.Add(new V1.SessionCommand { Tag = tag, Forward = Slow.Forward(100) });
            await stream.RequestStream.WriteAsync(request);
            Assert.True(await stream.ResponseStream.MoveNext(default));
            stream.Dispose();
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
        await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = session });
    }

    [Fact]
    public async Task Deleting_the_session_ends_its_stream()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        await AttachAsync(stream, session);
        await server.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session });
        await RefusedAsync(StatusCode.Cancelled, "CANCELLED", async () => await AllAsync(stream));
    }

    [Fact]
    public async Task A_stream_names_its_session_first_and_keeps_it()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var nameless = server.Sessions.Interact();
        await nameless.RequestStream.WriteAsync(new V1.InteractRequest());
        await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", async () => await AllAsync(nameless));
        using var empty = server.Sessions.Interact();
        await empty.RequestStream.CompleteAsync();
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await AllAsync(empty));
        using var other = server.Sessions.Interact();
        await AttachAsync(other, session);
        await other.RequestStream.WriteAsync(new V1.InteractRequest { Session = await server.OpenAsync() });
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await AllAsync(other));
    }

    internal static async Task AttachAsync(AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> stream, string session)
    {
        await stream.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, ZeroGradients = new V1.ZeroGradientsRequest() } } });
        Assert.True(await stream.ResponseStream.MoveNext(default));
    }

    internal static async Task<List<V1.CommandResult>> AllAsync(AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> stream)
    {
        var results = new List<V1.CommandResult>();
        await foreach (var response in stream.ResponseStream.ReadAllAsync())
            results.AddRange(response.Results);
        return results;
    }
}
