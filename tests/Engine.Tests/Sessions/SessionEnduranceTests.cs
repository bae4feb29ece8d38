using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions;

/// <summary>Run alone, because managed memory is measured for the whole process.</summary>
[CollectionDefinition(nameof(SessionEnduranceTests), DisableParallelization = true)]
[Collection(nameof(SessionEnduranceTests))]
public sealed class SessionEnduranceTests(ITestOutputHelper output)
{
    [Fact]
    public async Task AGraphRebuiltStepAfterStepCompilesOnceInFlatMemory()
    {
        using var f = new SessionFixture();
        var w = f.Graph.Variable(DataType.Float32);
        await f.SetAsync(w, f.Scalar(1));
        var compilations = f.Host.Plans.Compilations;
        var next = 10ul;
        long early = 0;
        const int Steps = 100_000;
        for (var step = 0; step < Steps; step++)
        {
            var g = new GraphSpecs(next);
            var y = g.Op("Tanh", g.Op("Mul", w, w));
            var nodes = g.Take();
            next += (ulong)nodes.Length;
            using (await f.Session.BackwardAsync(new BackwardRequest { Nodes = nodes, Roots = [new(y)] }))
            {
            }

            await f.Session.ReleaseAsync(new ReleaseRequest { Values = [.. nodes.Select(n => n.Id)] });
            if (step == Steps / 10)
                early = GC.GetTotalMemory(forceFullCollection: true);
        }

        Assert.Equal(compilations + 1, f.Host.Plans.Compilations);
        Assert.Equal(1, f.Session.NodeCount);

        // Forty bytes a step would be 3.6 MB.
        var growth = GC.GetTotalMemory(forceFullCollection: true) - early;
        output.WriteLine($"grew by {growth} bytes");
        Assert.True(growth < 2 << 20, $"Managed memory grew by {growth} bytes.");
    }

    [Fact]
    public async Task AChainOfAHundredThousandNodesIsBuiltDifferentiatedAndReleased()
    {
        // In float64 100,000 rounded steps of a few ulp stay within 1e-9 of the closed recursion.
        const int Length = 100_000;
        using var f = new SessionFixture();
        var w = f.Graph.Variable(DataType.Float64);
        await f.SetAsync(w, Tensor.From<double>(f.Host.Pool, Shape.Scalar, [1]));
        var y = w;
        for (var i = 0; i < Length; i++)
            y = f.Graph.Op(i % 2 == 0 ? "Neg" : "Tanh", y);
        var nodes = f.Graph.Take();
        var watch = Stopwatch.StartNew();
        await f.Session.DefineAsync(new DefineRequest { Nodes = nodes });
        output.WriteLine($"defined in {watch.ElapsedMilliseconds} ms");
        var expected = 0.0;
        for (var repeat = 0; repeat < 2; repeat++)
        {
            watch.Restart();
            using var result = await f.Session.BackwardAsync(new BackwardRequest { Roots = [new(y)], Fetches = [y], Profile = true });
            output.WriteLine($"joint in {watch.ElapsedMilliseconds} ms, of which plan {result.Profile!.Plan.TotalMilliseconds:F0} ms, {result.Profile.Instructions.Count} instructions, arena {result.Profile.ArenaBytes} bytes");
            expected = Chain(Length);
            Assert.Equal(expected, result.Gradients[0].Tensor!.AsSpan<double>()[0], Math.Abs(expected) * 1e-9);
            Assert.NotEqual(0, expected);
        }

        watch.Restart();
        using (var forward = await f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [y] }))
        using (var backward = await f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(y)] }))
        {
            output.WriteLine($"split in {watch.ElapsedMilliseconds} ms");
            Assert.Equal(expected, backward.Gradients[0].Tensor!.AsSpan<double>()[0], Math.Abs(expected) * 1e-9);
        }

        await f.Session.ReleaseAsync(new ReleaseRequest { Values = [.. nodes.Select(n => n.Id)] });
        Assert.Equal(1, f.Session.NodeCount);
    }

    [Fact]
    public async Task SessionsInParallelNeverSeeEachOther()
    {
        using var f = new SessionFixture(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 4 } });
        await Task.WhenAll(Enumerable.Range(1, 4).Select(async id =>
        {
            using var session = new GraphSession(f.Host, tenant: $"{id % 2}");
            var g = new GraphSpecs();
            var w = g.Variable(DataType.Float32, 5000);
            var y = g.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), g.Op("Mul", w, g.Op("Mul", w, w)));
            using (var value = Tensor.From<float>(f.Host.Pool, new Shape(5000), Enumerable.Repeat((float)id, 5000).ToArray()))
                await session.SetVariablesAsync(new SetVariablesRequest { Nodes = g.Take(), Updates = [new(w, value)] });
            for (var i = 0; i < 200; i++)
            {
                using var forward = await session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [y], Fetches = [y] });
                using var backward = await session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(y)] });
                Assert.Equal(5000f * id * id * id, forward.Values[0].AsSpan<float>()[0]);
                Assert.True(backward.Gradients[0].Tensor!.AsSpan<float>().IndexOfAnyExcept(3f * id * id) < 0);
            }
        }));
    }

    /// <summary>The budget refuses the n-th block of each request, for n = 1, 2 …, until it succeeds: nothing changes before.</summary>
    [Fact]
    public async Task ARefusalAtAnyStageLeavesSessionAndLedgerAsTheyWere()
    {
        var operations = new Func<SessionFixture, ulong, ulong, Task>[]
        {
            async (f, w, y) => (await f.Session.BackwardAsync(new BackwardRequest { Roots = [new(y)], Mode = GradientMode.Both, Fetches = [y] })).Dispose(),
            async (f, w, y) => (await f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [y], Fetches = [y] })).Dispose(),
            async (f, w, y) => await f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(w, null, w)] }),
            async (f, w, y) => await f.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = new Adam() }),
            async (f, w, y) => await f.Session.ZeroGradientsAsync(new ZeroGradientsRequest { KeepZeros = true }),
            async (f, w, y) => await f.Session.TrainAsync(new TrainRequest { Roots = [new(y)], Optimizer = new Adam(), Steps = 1, MicroBatches = 2, KeepGradients = true }),
        };
        foreach (var operation in operations)
        {
            var refusals = 0;
            for (var room = 0; ; room++)
            {
                Assert.True(room < 200);
                using var f = new SessionFixture(new EngineOptions { Pool = new BufferPoolOptions { BudgetBytes = 1 << 14 }, Scheduler = new SchedulerOptions { Threads = 1 } });
                var w = f.Graph.Variable(DataType.Float32, 4);
                var y = f.Graph.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), f.Graph.Op("Exp", f.Graph.Op("Mul", w, w)));
                await f.SetAsync(w, f.Tensor(1, 2, 3, 4));
                using var kept = await f.Session.BackwardAsync(new BackwardRequest { Roots = [new(y)], Mode = GradientMode.Both });
                var before = await StateAsync(f, w);
                var ballast = new List<PooledBuffer>();
                while (f.Host.Pool.RentedBytes + f.Host.Pool.ChargedBytes < (1 << 14) - (64 * room))
                    ballast.Add(f.Host.Pool.Rent(64, "ballast"));
                var failed = false;
                var ledger = Ledger(f);
                try
                {
                    await operation(f, w, y);
                }
                catch (GradientsException e)
                {
                    Assert.Equal(ErrorReasons.MemoryBudgetExceeded, e.Reason);
                    Assert.Equal(ledger, Ledger(f));
                    failed = true;
                    refusals++;
                }

                ballast.ForEach(b => b.Release());
                if (!failed)
                    break;
                Assert.Equal(before, await StateAsync(f, w));
                Assert.Equal(0, f.Session.RunCount);
            }

            Assert.True(refusals > 0);
        }
    }

    [Fact]
    public async Task StepsOfALoopAllocateNoManagedMemory()
    {
        using var f = new SessionFixture(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 1 } });
        var x = f.Graph.Input(DataType.Float32, "batch", 10);
        var w = f.Graph.Variable(DataType.Float32, 5, 10);
        var y = f.Graph.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), f.Graph.Op("Tanh", f.Graph.Add("Gemm", Attributes.Of(("transB", 1L)), x, w)));
        using var value = Tensor.From<float>(f.Host.Pool, new Shape(5, 10), new float[50]);
        await f.SetAsync(w, value.Share());
        using var data = Tensor.From<float>(f.Host.Pool, new Shape(100, 10), [.. Enumerable.Range(0, 1000).Select(i => i / 1000f)]);
        var request = new TrainRequest { Data = new Dictionary<ulong, Tensor> { [x] = data }, BatchSize = 8, MicroBatches = 2, Remainder = EpochRemainder.Keep, ShuffleSeed = 1, Roots = [new(y)], Optimizer = new Adam(), Steps = 1000 };
        await f.Session.TrainAsync(request);
        var few = await AllocatedAsync(100);
        var many = await AllocatedAsync(20_100);
        output.WriteLine($"{few} bytes for 100 steps, {many} for 20,100");
        Assert.True(many - few < 20_000, $"{many - few} bytes for 20,000 steps.");

        async Task<long> AllocatedAsync(long steps)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await f.Session.TrainAsync(request with { Steps = steps });
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }
    }

    [Fact]
    public async Task CancellationAtAnyMomentLeavesSessionAndLedgerAsTheyWere()
    {
        using var f = new SessionFixture();
        var w = f.Graph.Variable(DataType.Float32, 300_000);
        var y = f.Graph.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), f.Graph.Op("Tanh", f.Graph.Op("Mul", w, w)));
        await f.SetAsync(w, f.Tensor(Enumerable.Repeat(0.5f, 300_000).ToArray()));
        var ledger = Ledger(f);
        var cancelled = 0;
        for (var i = 0; i < 60; i++)
        {
            using var source = new CancellationTokenSource();
            var task = f.Session.BackwardAsync(new BackwardRequest { Roots = [new(y)], Mode = GradientMode.Accumulate }, source.Token);
            Thread.SpinWait(i * i * 100);
            source.Cancel();
            try
            {
                using var result = await task;
                await f.Session.ZeroGradientsAsync(new ZeroGradientsRequest());
            }
            catch (OperationCanceledException)
            {
                cancelled++;
                Assert.Null(await f.GradientAsync(w));
            }

            await f.Session.DefineAsync(new DefineRequest());
        }

        Assert.True(cancelled > 0);
        Assert.Equal(ledger, Ledger(f));
    }

    [Fact]
    public async Task ASessionClosedInTheMiddleGivesEverythingBack()
    {
        using var f = new SessionFixture();
        for (var i = 0; i < 20; i++)
        {
            var session = new GraphSession(f.Host);
            var g = new GraphSpecs();
            var w = g.Variable(DataType.Float32, 100_000);
            var y = g.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), g.Op("Exp", w));
            using var value = f.Tensor(new float[100_000]);
            var tasks = new List<Task> { session.SetVariablesAsync(new SetVariablesRequest { Nodes = g.Take(), Updates = [new(w, value)] }) };
            for (var j = 0; j < 10; j++)
                tasks.Add(Consume(session.BackwardAsync(new BackwardRequest { Roots = [new(y)], Mode = GradientMode.Both })));
            Thread.SpinWait(i * 20_000);
            session.Dispose();
            foreach (var task in tasks)
            {
                try
                {
                    await task.WaitAsync(TimeSpan.FromSeconds(20));
                }
                catch (GradientsException e)
                {
                    Assert.Equal(ErrorReasons.SessionNotFound, e.Reason);
                }
            }

            await AssertReasonAsync(session);
        }
    }

    private static async Task AssertReasonAsync(GraphSession session) =>
        Assert.Equal(ErrorReasons.SessionNotFound, (await Assert.ThrowsAsync<GradientsException>(() => session.DefineAsync(new DefineRequest()))).Reason);

    private static async Task Consume(Task<BackwardResult> task) => (await task).Dispose();

    private static double Chain(int length)
    {
        double x = 1, derivative = 1;
        for (var i = 0; i < length; i++)
        {
            var y = i % 2 == 0 ? -x : Math.Tanh(x);
            derivative *= i % 2 == 0 ? -1 : 1 - (y * y);
            x = y;
        }

        return derivative;
    }

    private static string Ledger(SessionFixture f) => string.Join(" ", f.Host.Pool.Ledger().OrderBy(l => l.Key).Select(l => $"{l.Key}:{l.Value.Count}/{l.Value.Bytes}"));

    private static async Task<string> StateAsync(SessionFixture f, ulong w)
    {
        using var state = await f.Session.GetVariablesAsync(new GetVariablesRequest());
        return $"{state.Variables[0].Version}: {string.Join(" ", await f.ValueAsync(w))}; {string.Join(" ", await f.GradientAsync(w) ?? [])}; {f.Session.HeldBytes}";
    }
}
