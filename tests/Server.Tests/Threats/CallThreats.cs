using System.Diagnostics;
using Google.Rpc;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Server.Hosting;
using Gradients.Server.Tests.Tenants;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Threats;

/// <summary>
/// The table of threats: sessions, order, cancellation, budgets, retries and neighbours. Foreign session ids are tested on
/// every rpc in <see cref="TenantIsolationTests"/>, shutdown in <see cref="DrainTests"/>.
/// </summary>
public sealed class CallThreats
{
    /// <summary>Unknown, foreign and malformed names: one code and one text.</summary>
    [Fact]
    public async Task A_guessed_or_foreign_session_id()
    {
        await using var server = await TestServer.StartAsync();
        TestTenant a = new(server, "a"), b = new(server, "b");
        var session = await a.OpenAsync();
        var texts = new HashSet<string>();
        foreach (var name in new[] { session, session[..^2] + "zz", $"{session[..18]}{new string('0', 32)}", "sessions/../../etc/passwd", "" })
            texts.Add((await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", async () => await b.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = name }))).Message);
        Assert.Single(texts);
    }

    [Fact]
    public async Task Concurrent_calls_on_one_session_are_ordered_and_bounded()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxQueuedCommands = 4 });
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(1) } });
        var forward = Slow.Forward(1);
        forward.Session = session;
        var calls = Enumerable.Range(0, 12).Select(_ => server.Sessions.ForwardAsync(forward).ResponseAsync).ToList();
        var refused = 0;
        foreach (var call in calls)
        {
            try
            {
                await call;
            }
            catch (RpcException e)
            {
                var status = e.GetRpcStatus()!;
                Check(status, StatusCode.Aborted, "SESSION_BUSY");
                Assert.NotNull(status.GetDetail<RetryInfo>());
                refused++;
            }
        }

        Assert.InRange(refused, 1, 8);
    }

    /// <summary>Cancelled in the middle of a kernel chain of seconds: memory is back, nothing has changed. The bound is generous for loaded machines.</summary>
    [Fact]
    public async Task Cancellation_stops_the_kernels()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(1) } });
        var forward = Slow.Forward(1);
        forward.Session = session;
        var times = new List<TimeSpan>();
        for (var i = 0; i < 40; i++)
        {
            using var cancellation = new CancellationTokenSource();
            var call = server.Sessions.ForwardAsync(forward, cancellationToken: cancellation.Token).ResponseAsync;
            await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount > 1 || call.IsCompleted);
            var began = Stopwatch.GetTimestamp();
            await cancellation.CancelAsync();
            while (server.Host.Pool.RentedCount > 0)
                await Task.Yield();
            times.Add(Stopwatch.GetElapsedTime(began));
        }

        times.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"cancelled to stopped: median {times[20].TotalMilliseconds:F1} ms, worst {times[^1].TotalMilliseconds:F1} ms");
        Assert.InRange(times[^1], TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.InRange(times[20], TimeSpan.Zero, TimeSpan.FromMilliseconds(500));
    }

    [Fact]
    public async Task The_memory_budget_is_reached()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MemoryBudgetBytes = 1 << 22 });
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(1) } });
        var forward = Slow.Forward(1);
        forward.Session = session;
        for (var i = 0; i < 20; i++)
        {
            var status = await RefusedAsync(StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED", async () => await server.Sessions.ForwardAsync(forward));
            Assert.Equal("server", Assert.Single(status.GetDetail<QuotaFailure>().Violations).Subject);
        }

        Assert.Equal(0, server.Host.Pool.RentedCount);
        Assert.InRange(server.Host.Pool.HeldBytes + server.Host.Pool.ChargedBytes, 0, 1 << 22);
    }

    [Fact]
    public async Task A_retry_after_a_lost_reply_has_one_effect()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session, V1.GradientMode.Accumulate);
        request.RequestId = Id(1);
        for (var i = 0; i < 3; i++)
            await server.Sessions.BackwardAsync(request);
        Assert.Equal("5 7", await GradientTextAsync(server, session));
    }

    /// <summary>
    /// On one thread a tenant with 32 requests in flight from 8 sessions gets no more turns than one that sends one at a time:
    /// counted, not timed. A request takes some milliseconds, far more than the way back to its client.
    /// </summary>
    [Fact]
    public async Task A_flood_of_one_tenant_leaves_the_other_its_half()
    {
        const int Wanted = 30;
        using var host = new EngineHost(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 1, Slice = TimeSpan.FromMilliseconds(1) } });
        using var x = Gradients.Engine.Tensors.Tensor.From<float>(host.Pool, new Shape(600, 600), new float[360_000]);
        var flood = new TenantShare("flood");
        var done = false;
        var served = 0;
        var sessions = Enumerable.Range(0, 8).Select(_ => new GraphSession(host, null, flood)).ToList();
        using var quiet = new GraphSession(host, null, new TenantShare("quiet"));
        foreach (var session in sessions.Append(quiet))
            await session.DefineAsync(Definition());
        await RunAsync(quiet);
        var floods = sessions.SelectMany(s => Enumerable.Range(0, 4).Select(_ => FloodAsync(s))).ToList();
        await Eventually.HoldsAsync(() => Volatile.Read(ref served) >= 8);
        var before = Volatile.Read(ref served);
        for (var i = 0; i < Wanted; i++)
            await RunAsync(quiet);
        var during = Volatile.Read(ref served) - before;
        Volatile.Write(ref done, true);
        await Task.WhenAll(floods);
        sessions.ForEach(s => s.Dispose());
        Assert.InRange(during, 0, 4 * Wanted);

        async Task FloodAsync(GraphSession session)
        {
            while (!Volatile.Read(ref done))
            {
                await RunAsync(session);
                Interlocked.Increment(ref served);
            }
        }

        async Task RunAsync(GraphSession session) =>
            (await session.ForwardAsync(new ForwardRequest { Feeds = new Dictionary<ulong, Engine.Tensors.Tensor> { [1] = x }, Fetches = [3] })).Dispose();
    }

    private static DefineRequest Definition() => new()
    {
        Nodes =
        [
            new(1, "Input", [], Attributes.Of(("type", new TensorType(DataType.Float32, 600, 600)))),
            new(2, "MatMul", [1, 1], Attributes.None),
            new(3, "ReduceSum", [2], Attributes.Of(("keepdims", 0L))),
        ],
    };
}
