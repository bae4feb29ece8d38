using Google.Protobuf.WellKnownTypes;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class SessionTests
{
    [Fact]
    public async Task A_training_step_by_unary_calls()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);

        var forward = await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Feeds = { Feed(2, Tensor([5, 7], 2)) }, Fetches = { Fetch(4), Fetch(3) }, Gradients = true, Roots = { 4 } });
        Assert.Equal([31.0], Elements(forward.Values[0].Tensor));
        Assert.Equal([10.0, 21.0], Elements(forward.Values[1].Tensor));
        Assert.Equal("runs/1", forward.Run);

        var backward = await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Run = forward.Run, Roots = { Root(4) }, Mode = V1.GradientMode.Both });
        Assert.Equal([5.0, 7.0], Elements(backward.Gradients[0].Tensor));

        var stepped = await server.Sessions.ApplyGradientsAsync(new V1.ApplyGradientsRequest { Session = session, Optimizer = new V1.Optimizer { Sgd = new V1.Sgd { LearningRate = 0.1 } }, ZeroGradients = true });
        Assert.Equal(2UL, stepped.Versions[0].Version);
        var read = await ValueAsync(server, session);
        Assert.Equal(1.5, read[0], 1e-15);
        Assert.Equal(2.3, read[1], 1e-15);
        Assert.Equal("absent", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task Accumulates_over_two_backwards_and_zeroes()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        await server.Sessions.BackwardAsync(Backward(session, V1.GradientMode.Accumulate));
        var second = await server.Sessions.BackwardAsync(Backward(session, V1.GradientMode.Both));
        Assert.Equal([5.0, 7.0], Elements(second.Gradients[0].Tensor));
        Assert.Equal("10 14", await GradientTextAsync(server, session));
        await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = session, KeepZeros = true });
        Assert.Equal("0 0", await GradientTextAsync(server, session));
        await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = session });
        Assert.Equal("absent", await GradientTextAsync(server, session));
    }

    [Fact]
    public async Task Gradients_come_as_statistics_or_handles_when_asked()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session);
        request.Feeds[0].Tensor = Tensor([3, 4], 2);
        request.StatisticsOnly = true;
        var statistics = (await server.Sessions.BackwardAsync(request)).Gradients[0];
        Assert.Equal((5.0, true), (statistics.Statistics.Norm, statistics.Statistics.Finite));
        Assert.Null(statistics.Tensor);

        request.StatisticsOnly = false;
        request.GradientsAsHandles = true;
        var handle = (await server.Sessions.BackwardAsync(request)).Gradients[0].Tensor;
        Assert.Equal("tensors/1", handle.Handle);
        request.Feeds[0].Tensor = new V1.Tensor { Handle = handle.Handle };
        request.GradientsAsHandles = false;
        var reply = await server.Sessions.BackwardAsync(request);
        Assert.Equal([3.0, 4.0], Elements(reply.Gradients[0].Tensor));

        await server.Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = session, Handles = { handle.Handle, "tensors/99", "nonsense" }, Runs = { "runs/5" }, Nodes = { 77 }, Functions = { "unknown" } });
        await RefusedAsync(StatusCode.NotFound, "TENSOR_NOT_FOUND", async () => await server.Sessions.BackwardAsync(request));
    }

    [Fact]
    public async Task Profile_names_the_nodes()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session);
        request.Profile = true;
        var profile = (await server.Sessions.BackwardAsync(request)).Profile;
        Assert.NotEmpty(profile.Instructions);
        Assert.True(profile.ArenaBytes > 0 || profile.OpCount > 0);
    }

    [Fact]
    public async Task Tells_what_a_session_is_and_lists_newest_first_by_pages()
    {
        await using var server = await TestServer.StartAsync();
        var names = new List<string>();
        for (var i = 0; i < 5; i++)
            names.Insert(0, (await server.Sessions.CreateSessionAsync(new V1.CreateSessionRequest { Label = $"s{i}", Limits = new V1.SessionLimits { MaxRuns = 3 } })).Session.Name);
        await DefineAsync(server, names[0]);
        var session = (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = names[0] })).Session;
        Assert.Equal(("s4", 4UL, 1UL, 3UL), (session.Label, session.NodeCount, session.VariableCount, session.Limits.MaxRuns));
        Assert.True(session.HeldBytes >= 16);
        Assert.Equal(session.Ttl.ToTimeSpan(), TimeSpan.FromMinutes(10));

        var listed = new List<string>();
        var token = "";
        do
        {
            var page = await server.Sessions.ListSessionsAsync(new V1.ListSessionsRequest { PageSize = 2, PageToken = token });
            Assert.InRange(page.Sessions.Count, 1, 2);
            listed.AddRange(page.Sessions.Select(s => s.Name));
            token = page.NextPageToken;
        }
        while (token.Length > 0);
        Assert.Equal(names, listed);
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Sessions.ListSessionsAsync(new V1.ListSessionsRequest { PageToken = "x" }));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Sessions.ListSessionsAsync(new V1.ListSessionsRequest { PageSize = -1 }));
    }

    [Fact]
    public async Task A_deleted_session_is_not_found_and_gives_its_memory_back()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        Assert.NotEqual(0, server.Host.Pool.RentedCount);
        await server.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session });
        await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", async () => await server.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session }));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task Expired_lost_and_unknown_sessions_are_told_apart()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(time: time);
        var session = await server.OpenAsync(TimeSpan.FromMinutes(1));
        await DefineAsync(server, session);
        time.Advance(TimeSpan.FromSeconds(50));
        await DefineMoreAsync(server, session);
        time.Advance(TimeSpan.FromSeconds(50));
        await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session });
        time.Advance(TimeSpan.FromSeconds(11));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
        foreach (var (name, reason) in new[]
        {
            (session, "SESSION_EXPIRED"),
            (Other(session, 9), "SESSION_LOST"),
            (Other(session, 20), "SESSION_NOT_FOUND"),
            ("sessions/x", "SESSION_NOT_FOUND"),
            ("", "SESSION_NOT_FOUND"),
        })
        {
            await RefusedAsync(StatusCode.NotFound, reason, async () => await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = name }));
            await RefusedAsync(StatusCode.NotFound, reason, async () => await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = name }));
        }
    }

    [Fact]
    public async Task An_open_stream_keeps_its_session_alive()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(time: time);
        var session = await server.OpenAsync(TimeSpan.FromSeconds(30));
        using var stream = server.Sessions.Interact();
        await stream.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, DefineNodes = Define("") } } });
        Assert.True(await stream.ResponseStream.MoveNext(default));
        time.Advance(TimeSpan.FromSeconds(60));
        await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session });
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 0)]
    [InlineData(0, -5)]
    public async Task A_time_to_live_must_be_positive(long seconds, int nanos)
    {
        await using var server = await TestServer.StartAsync();
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Sessions.CreateSessionAsync(new V1.CreateSessionRequest { Ttl = new Duration { Seconds = seconds, Nanos = nanos } }));
    }

    private static async Task DefineMoreAsync(TestServer server, string session) =>
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Node(10, "Neg", 1) } });

    /// <summary>The name with another hexadecimal digit at a position.</summary>
    private static string Other(string name, int position) => name[..position] + (name[position] == '0' ? '1' : '0') + name[(position + 1)..];
}
