using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions;

public sealed class TenantShareTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly EngineHost _host;
    private readonly TenantShare _tenant;

    public TenantShareTests()
    {
        _host = new EngineHost(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 1 }, Pool = new BufferPoolOptions { PoisonReturned = true }, Time = _time });
        _tenant = new TenantShare("a")
        {
            Bytes = new Quota("max_bytes", 1 << 20, ErrorReasons.MemoryBudgetExceeded, "tenant:a"),
            Nodes = new Quota("max_nodes", 20, ErrorReasons.SessionQuota, "tenant:a"),
            Runs = new Quota("max_runs", 2, ErrorReasons.SessionQuota, "tenant:a"),
            Flops = new FlopBucket(1000, TimeSpan.FromSeconds(10), _time, "tenant:a"),
        };
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task NodesOfAllSessionsCountTogetherAndComeBack()
    {
        using GraphSession first = Session(), second = Session();
        await first.DefineAsync(new DefineRequest { Nodes = Chain(15) });
        await RefusedAsync(ErrorReasons.SessionQuota, "max_nodes", () => second.DefineAsync(new DefineRequest { Nodes = Chain(6) }));
        await Assert.ThrowsAsync<GradientsException>(() => second.DefineAsync(new DefineRequest { Nodes = [.. Chain(3), new(99, "Neg", [98], Attributes.None)] }));
        Assert.Equal(15, _tenant.Nodes!.Used);
        await second.DefineAsync(new DefineRequest { Nodes = Chain(5), Functions = [] });
        Assert.Equal(20, _tenant.Nodes.Used);
        await first.ReleaseAsync(new ReleaseRequest { Values = [.. Enumerable.Range(1, 15).Select(i => (ulong)i)] });
        Assert.Equal((5, 0), (_tenant.Nodes.Used, first.NodeCount));
        await second.DefineAsync(new DefineRequest { Functions = [new("f", [1], [new(2, "Neg", [1], Attributes.None)], [2])] });
        Assert.Equal(7, _tenant.Nodes.Used);
        second.Dispose();
        first.Dispose();
        _host.Scheduler.Dispose();
        Assert.Equal((0, 0, 0), (_tenant.Nodes.Used, _tenant.Bytes!.Used, _host.Pool.ChargedBytes));
    }

    [Fact]
    public async Task GraphsConstantsAndTensorsCountToTheTenantsBytes()
    {
        using var session = Session();
        var constant = new ConstantData(DataType.Float32, new Shape(200_000), new byte[800_000]);
        await session.DefineAsync(new DefineRequest { Nodes = [new(1, "Constant", [], Attributes.Of(("value", constant)))] });
        Assert.InRange(_tenant.Bytes!.Used, 800_000, 900_000);
        await RefusedAsync(ErrorReasons.MemoryBudgetExceeded, "max_bytes", () => session.DefineAsync(new DefineRequest { Nodes = [new(2, "Constant", [], Attributes.Of(("value", constant)))] }));
        var refused = await RefusedAsync(ErrorReasons.MemoryBudgetExceeded, "max_bytes", () => session.ForwardAsync(new ForwardRequest { Nodes = [new(3, "Neg", [1], Attributes.None)], Fetches = [3] }));
        Assert.Equal("tenant:a", refused.Subject);
        Assert.Equal(0, _host.Pool.RentedCount);
        await session.ReleaseAsync(new ReleaseRequest { Values = [1, 3] });
        Assert.Equal(0, _tenant.Bytes.Used);
    }

    [Fact]
    public async Task RunsOfAllSessionsCountTogetherAndComeBack()
    {
        using GraphSession first = Session(), second = Session();
        await ForwardAsync(first, define: true);
        var kept = await ForwardAsync(second, define: true);
        await RefusedAsync(ErrorReasons.SessionQuota, "max_runs", () => ForwardAsync(second));
        await second.ReleaseAsync(new ReleaseRequest { Runs = [kept] });
        await ForwardAsync(second);
        Assert.Equal(2, _tenant.Runs!.Used);
        first.Dispose();
        second.Dispose();
        _host.Scheduler.Dispose();
        Assert.Equal((0, 0), (_tenant.Runs.Used, _host.Pool.RentedCount));
    }

    [Fact]
    public async Task OperationsPerSecondAreBoundedAndARequestThatDoesNotRunCostsNothing()
    {
        using var session = Session();
        using var x = Tensor.From<float>(_host.Pool, new Shape(100, 100), new float[10_000]);
        var request = new ForwardRequest { Nodes = [Input(1), new(2, "Neg", [1], Attributes.None)], Feeds = new Dictionary<ulong, Tensor> { [1] = x }, Fetches = [2] };
        const int Ballast = (1 << 20) - 30_000;
        _host.Pool.Charge(Ballast, _tenant.Bytes);
        await RefusedAsync(ErrorReasons.MemoryBudgetExceeded, "max_bytes", () => session.ForwardAsync(request));
        _host.Pool.Discharge(Ballast, _tenant.Bytes);
        Assert.True(_tenant.Flops!.IsFull);
        request = request with { Nodes = [] };
        (await session.ForwardAsync(request)).Dispose();
        var e = await RefusedAsync(ErrorReasons.ComputeQuota, "max_flops_per_second", () => session.ForwardAsync(request));
        _time.Advance(e.RetryAfter!.Value);
        (await session.ForwardAsync(request)).Dispose();
    }

    [Fact]
    public async Task ARequestThatWaitedTooLongIsNotExecuted()
    {
        using var session = new GraphSession(_host, new SessionLimits { MaxQueueWait = TimeSpan.FromSeconds(5) }, _tenant);
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        _host.Scheduler.CreateQueue("b").Enqueue(new Blocker(entered, leave));
        entered.Wait();
        var late = session.DefineAsync(new DefineRequest { Nodes = Chain(1) });
        _time.Advance(TimeSpan.FromSeconds(6));
        var intime = session.DefineAsync(new DefineRequest { Nodes = Chain(2) });
        leave.Set();
        var e = await Assert.ThrowsAsync<GradientsException>(() => late);
        Assert.Equal((ErrorCode.Aborted, ErrorReasons.SessionBusy, "max_queue_wait"), (e.Code, e.Reason, e.Metadata["limit"]));
        Assert.NotNull(e.RetryAfter);
        await intime;
        Assert.Equal(2, session.NodeCount);
    }

    [Fact]
    public async Task AGraphOfOneTenantIsCompiledAnewForAnother()
    {
        using GraphSession a = Session(), again = Session(), b = new GraphSession(_host, tenant: "b");
        Assert.False(await HitAsync(a));
        Assert.True(await HitAsync(again));
        var compiled = _host.Plans.Compilations;
        Assert.False(await HitAsync(b));
        Assert.Equal(compiled + 1, _host.Plans.Compilations);

        async Task<bool> HitAsync(GraphSession session)
        {
            using var x = Tensor.From<float>(_host.Pool, new Shape(100, 100), new float[10_000]);
            using var result = await session.ForwardAsync(new ForwardRequest { Nodes = [Input(1), new(2, "Neg", [1], Attributes.None)], Feeds = new Dictionary<ulong, Tensor> { [1] = x }, Fetches = [2], Profile = true });
            _time.Advance(TimeSpan.FromMinutes(1));
            return result.Profile!.PlanCacheHit;
        }
    }

    private GraphSession Session() => new(_host, null, _tenant);

    private static async Task<ulong> ForwardAsync(GraphSession session, bool define = false)
    {
        NodeSpec[] nodes = define ? [new(1, "Constant", [], Attributes.Of(("value", ConstantData.Of<float>(new Shape(2), [1, 2])))), new(2, "Exp", [1], Attributes.None)] : [];
        using var result = await session.ForwardAsync(new ForwardRequest { Nodes = nodes, Gradients = true, Roots = [2], Wrt = [1] });
        return result.Run;
    }

    private static NodeSpec[] Chain(int length) =>
        [.. Enumerable.Range(1, length).Select(i => i == 1 ? Input(1) : new NodeSpec((ulong)i, "Neg", [(ulong)i - 1], Attributes.None))];

    private static NodeSpec Input(ulong id) => new(id, "Input", [], Attributes.Of(("type", new TensorType(DataType.Float32, 100, 100))));

    private static async Task<GradientsException> RefusedAsync(string reason, string limit, Func<Task> action)
    {
        var e = await Assert.ThrowsAsync<GradientsException>(action);
        Assert.Equal((reason, limit, "tenant:a"), (e.Reason, e.Metadata.GetValueOrDefault("limit"), e.Subject));
        return e;
    }

    private sealed class Blocker(ManualResetEventSlim entered, ManualResetEventSlim leave) : Work
    {
        protected internal override WorkStatus Run(long parkAt)
        {
            entered.Set();
            leave.Wait();
            return WorkStatus.Done;
        }

        protected internal override void Abandon()
        {
        }
    }
}
