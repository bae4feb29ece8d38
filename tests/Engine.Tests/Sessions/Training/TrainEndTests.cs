using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions.Training;

/// <summary>How loops end: between two steps, and with what.</summary>
public sealed class TrainEndTests
{
    /// <summary>More than any test waits for.</summary>
    private const long Endless = 1L << 50;

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task ACancelledLoopHasAppliedWholeStepsAndGoesOn(int cancelAt)
    {
        using var t = await new TrainFixture().SetUpAsync();
        using var whole = await new TrainFixture().SetUpAsync();
        using var source = new CancellationTokenSource();
        var reports = new Reports(r =>
        {
            if (r.Step == cancelAt)
                source.Cancel();
        });
        var request = t.Request(new Adam(0.05), Endless) with { MicroBatches = 2, ReportEvery = 1, Observer = reports };
        var result = await t.F.Session.TrainAsync(request, source.Token);
        Assert.IsAssignableFrom<OperationCanceledException>(result.Stopped);
        Assert.Equal(cancelAt, result.Steps);
        Assert.Equal(cancelAt, result.LastReport.Step);
        Assert.All(await t.StateAsync(), s => Assert.Equal(1ul + (ulong)cancelAt, s.Version));

        await t.F.Session.TrainAsync(request with { FirstStep = result.LastReport.Step, Steps = 9 - cancelAt });
        await whole.F.Session.TrainAsync(whole.Request(new Adam(0.05), 9) with { MicroBatches = 2 });
        foreach (var (one, other) in (await t.StateAsync()).Zip(await whole.StateAsync()))
            Assert.Equal(other.Value, one.Value);
    }

    /// <summary>Also within an update, which writes over what it reads, and between the updates of two variables.</summary>
    [Fact]
    public async Task ALoopThatIsParkedAndCancelledAnywhereHasAppliedWholeSteps()
    {
        const int Steps = 3;
        var expected = new List<float[][]>();
        for (var steps = 0; steps <= Steps; steps++)
        {
            using var t = await new LongVectors().SetUpAsync();
            if (steps > 0)
                await t.F.Session.TrainAsync(t.Request(steps));
            expected.Add(await t.StateAsync());
        }

        var (parks, between) = (int.MaxValue, 0);
        for (var cancelAt = 1; cancelAt <= parks; cancelAt++)
        {
            using var t = await new LongVectors().SetUpAsync();
            using var source = new CancellationTokenSource();
            var command = new TrainCommand(t.F.Session, t.Request(Steps), source.Token);
            var parked = 0;
            while (command.Run(0) == WorkStatus.Parked)
            {
                if (++parked == cancelAt)
                    await source.CancelAsync();
            }

            if (parked < cancelAt)
                parks = parked;
            var applied = command.Completion.IsCanceled ? 0 : (await command.Completion).Steps;
            between += applied is > 0 and < Steps ? 1 : 0;
            foreach (var (one, other) in expected[(int)applied].Zip(await t.StateAsync()))
                Assert.Equal(one, other);

            // The optimizer's state as well: the other steps come out the same.
            if (applied < Steps)
                await t.F.Session.TrainAsync(t.Request(Steps - applied));
            foreach (var (one, other) in expected[Steps].Zip(await t.StateAsync()))
                Assert.Equal(one, other);
        }

        Assert.InRange(parks, Steps, int.MaxValue);
        Assert.InRange(between, 1, int.MaxValue);
    }

    /// <summary>The fixture demands that every buffer was given back.</summary>
    [Fact]
    public async Task ALoopThatIsAbandonedAnywhereGivesEverythingBack()
    {
        var (isParked, abandoned) = (true, 0);
        for (var abandonAt = 1; isParked; abandonAt++)
        {
            using var t = await new LongVectors().SetUpAsync();
            var before = await t.StateAsync();
            var command = new TrainCommand(t.F.Session, t.Request(2), CancellationToken.None);
            for (var parked = 0; isParked && parked < abandonAt; parked++)
                isParked = command.Run(0) == WorkStatus.Parked;
            if (!isParked)
                break;
            command.Abandon();
            abandoned++;
            var error = await Assert.ThrowsAsync<GradientsException>(() => command.Completion);
            Assert.Equal(ErrorReasons.SessionNotFound, error.Reason);
            foreach (var (one, other) in before.Zip(await t.StateAsync()))
                Assert.Equal(one, other);
        }

        // Of two steps, once in each at least.
        Assert.InRange(abandoned, 2, int.MaxValue);
    }

    [Fact]
    public async Task ALoopWritesOverItsOwnState()
    {
        using var t = await new LongVectors(budget: 13 << 19).SetUpAsync();
        var variables = t.F.Host.Pool.RentedBytes;
        await t.F.Session.TrainAsync(t.Request(5));

        // The session's values, and the loop's: values, two moments, gradients. The arena holds one more variable's intermediate
        // values; moments that are read from one place and written to another would make it eight, which is refused.
        Assert.InRange(t.F.Host.Pool.HighWaterBytes, 5 * variables, 6.5 * variables);
    }

    [Fact]
    public async Task ALoopThatEndsBeforeItsFirstStepHasChangedNothing()
    {
        using var t = await new TrainFixture().SetUpAsync();
        using (var feeds = new Feeds(t))
        using (await t.F.Session.BackwardAsync(new BackwardRequest { Feeds = feeds.Values, Roots = [new(t.Loss)], Mode = GradientMode.Accumulate }))
        {
        }

        var before = await t.StateAsync();
        using var source = new CancellationTokenSource();
        source.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => t.F.Session.TrainAsync(t.Request(new Sgd(0.1), 5), source.Token));
        var error = await Assert.ThrowsAsync<GradientsException>(() => t.F.Session.TrainAsync(t.Request(new Sgd(0.1), 5) with { Roots = [new(t.Variables[0])] }));
        Assert.Equal(ErrorReasons.CotangentRequired, error.Reason);
        foreach (var (one, other) in before.Zip(await t.StateAsync()))
        {
            Assert.Equal(one.Value, other.Value);
            Assert.Equal(one.Version, other.Version);
            Assert.Equal(one.Gradient!, other.Gradient!);
        }
    }

    [Fact]
    public async Task AStepWithANaNIsNotAppliedAndItsNodeIsNamed()
    {
        // Log of 3, 2, 1, 0: the fourth row is −∞.
        using var f = new SessionFixture();
        var x = f.Graph.Input(DataType.Float32, 1);
        var w = f.Graph.Variable(DataType.Float32);
        var log = f.Graph.Op("Log", x);
        var root = f.Graph.Op("ReduceSum", f.Graph.Op("Mul", log, w));
        await f.SetAsync(w, f.Scalar(1));
        using var data = f.Tensor(3, 2, 1, 0);
        var request = new TrainRequest { Data = new Dictionary<ulong, Tensor> { [x] = data }, BatchSize = 1, Roots = [new(root)], Optimizer = new Sgd(0), Steps = 4, CheckFinite = true };
        var result = await f.Session.TrainAsync(request);
        var stopped = Assert.IsType<GradientsException>(result.Stopped);
        Assert.Equal(ErrorReasons.NonFiniteValue, stopped.Reason);
        Assert.Equal($"{log}", stopped.Metadata["node"]);
        Assert.Equal(3, result.Steps);
        Assert.Equal([new VariableVersion(w, 4)], result.Versions);

        var first = await Assert.ThrowsAsync<GradientsException>(() => f.Session.TrainAsync(request with { FirstStep = 3 }));
        Assert.Equal(ErrorReasons.NonFiniteValue, first.Reason);
    }

    [Fact]
    public async Task OthersAreComputedWhileALoopRunsOnTheOnlyThread()
    {
        using var t = await new TrainFixture(new SessionFixture(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 1 } })).SetUpAsync();
        using var source = new CancellationTokenSource();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reports = new Reports(_ => began.TrySetResult());
        var loop = t.F.Session.TrainAsync(t.Request(new Sgd(1e-9), Endless) with { ReportEvery = 1, Observer = reports }, source.Token);
        await began.Task;
        reports.IsReady = false;
        using var other = new GraphSession(t.F.Host);
        var g = new GraphSpecs();
        var three = g.Op("Add", g.Scalar(1), g.Scalar(2));
        for (var i = 0; i < 20; i++)
        {
            using var value = await other.ForwardAsync(new ForwardRequest { Nodes = i == 0 ? g.Take() : [], Fetches = [three] });
            Assert.Equal(3f, value.Values[0].AsSpan<float>()[0]);
        }

        // The session's own requests wait for the end.
        var state = t.StateAsync();
        Assert.False(loop.IsCompleted);
        Assert.False(state.IsCompleted);
        await source.CancelAsync();
        var result = await loop;
        Assert.All(await state, s => Assert.Equal(1ul + (ulong)result.Steps, s.Version));
    }

    [Fact]
    public async Task AReportThatIsNotTakenIsCoveredByTheNext()
    {
        using var t = await new TrainFixture().SetUpAsync();
        Reports reports = null!;
        reports = new Reports(_ => reports.IsReady = false);
        var result = await t.F.Session.TrainAsync(t.Request(new Sgd(0), 6) with { ReportEvery = 1, Observer = reports });
        var all = new Reports();
        await t.F.Session.TrainAsync(t.Request(new Sgd(0), 6) with { ReportEvery = 1, Observer = all });
        Assert.Equal(1, Assert.Single(reports.All).Step);
        Assert.Equal(all.All.Skip(1).Sum(r => r.Losses[0]) / 5, result.LastReport.MeanLosses[0], 1e-15);
    }

    [Fact]
    public async Task ASessionClosedUnderItsLoopGivesEverythingBack()
    {
        using var t = new TrainFixture();
        await t.SetUpAsync();
        var reports = new Reports(r =>
        {
            if (r.Step == 3)
                t.F.Session.Dispose();
        });
        var error = await Assert.ThrowsAsync<GradientsException>(() => t.F.Session.TrainAsync(t.Request(new Adam(), Endless) with { ShuffleSeed = 1, ReportEvery = 1, Observer = reports }));
        Assert.Equal(ErrorReasons.SessionNotFound, error.Reason);
    }

    [Fact]
    public async Task ARunKeepsTheVersionsThatItSaw()
    {
        using var t = await new TrainFixture().SetUpAsync();
        using var feeds = new Feeds(t);
        using var forward = await t.F.Session.ForwardAsync(new ForwardRequest { Feeds = feeds.Values, Gradients = true, Roots = [t.Loss] });
        using var before = await t.F.Session.BackwardAsync(new BackwardRequest { Feeds = feeds.Values, Roots = [new(t.Loss)], Wrt = t.Variables });
        await t.F.Session.TrainAsync(t.Request(new Sgd(0.1), 7));
        using var after = await t.F.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(t.Loss)], Wrt = t.Variables });
        foreach (var (one, other) in before.Gradients.Zip(after.Gradients))
            Assert.Equal(one.Tensor!.AsSpan<double>(), other.Tensor!.AsSpan<double>());
    }

    [Fact]
    public async Task WhatCannotBeTrainedIsRefused()
    {
        using var t = await new TrainFixture().SetUpAsync();
        var before = await t.StateAsync();
        using var short0 = t.Tensor([1, 2], 2, 1);
        using var scalar = t.Tensor([1]);
        Dictionary<ulong, Tensor> Data(ulong id, Tensor tensor) => new() { [t.X] = t.XData, [id] = tensor };
        var request = t.Request(new Sgd(0.1), 3);
        foreach (var (reason, refused) in new (string, TrainRequest)[]
        {
            (ErrorReasons.InvalidField, request with { Steps = 0 }),
            (ErrorReasons.InvalidField, request with { Roots = [] }),
            (ErrorReasons.InvalidField, request with { BatchSize = 12 }),
            (ErrorReasons.InvalidField, request with { BatchSize = -1 }),
            (ErrorReasons.InvalidField, request with { MicroBatches = -1 }),
            (ErrorReasons.InvalidField, request with { FirstStep = -1 }),
            (ErrorReasons.InvalidField, request with { FirstStep = long.MaxValue - 2 }),
            (ErrorReasons.InvalidField, request with { FirstStep = long.MaxValue / 4, MicroBatches = 4 }),
            (ErrorReasons.InvalidField, request with { Optimizer = new Sgd(double.NaN) }),
            (ErrorReasons.InvalidField, request with { Wrt = [t.X] }),
            (ErrorReasons.InvalidField, request with { Wrt = [t.Variables[0], t.Variables[0]] }),
            (ErrorReasons.InvalidField, request with { Feeds = new Dictionary<ulong, Tensor> { [t.Y] = t.YData } }),
            (ErrorReasons.InvalidField, request with { Feeds = new Dictionary<ulong, Tensor> { [t.Variables[3]] = scalar }, Wrt = [t.Variables[3]] }),
            (ErrorReasons.InvalidField, request with { SliceInput = t.X }),
            (ErrorReasons.InvalidField, request with { SliceInput = t.Loss }),
            (ErrorReasons.DataTypeMismatch, request with { SliceInput = t.Variables[0] }),
            (ErrorReasons.ValueNotFound, request with { SliceInput = 999 }),
            (ErrorReasons.ValueNotFound, request with { Wrt = [999] }),
            (ErrorReasons.ShapeMismatch, request with { Data = Data(t.Y, short0), BatchSize = 1 }),
            (ErrorReasons.ShapeMismatch, request with { Data = Data(t.Y, scalar) }),
            (ErrorReasons.FeedMissing, request with { Data = new Dictionary<ulong, Tensor> { [t.X] = t.XData } }),
            (ErrorReasons.GradientsDisabled, request with { Roots = [new(t.X)] }),
        })
        {
            var error = await Assert.ThrowsAsync<GradientsException>(() => t.F.Session.TrainAsync(refused));
            Assert.Equal(reason, error.Reason);
        }

        Assert.Equal(before.Select(s => s.Version), (await t.StateAsync()).Select(s => s.Version));
    }

    /// <summary>The loss Σ v²w of two variables whose updates take several units each.</summary>
    /// <param name="budget">The pool's bytes.</param>
    private sealed class LongVectors(long budget = 1 << 28) : IDisposable
    {
        private const int Length = 1 << 17;

        private ulong _root;

        public SessionFixture F { get; } = new(new EngineOptions { Pool = new BufferPoolOptions { BudgetBytes = budget }, Scheduler = new SchedulerOptions { Threads = 2 } });

        public async Task<LongVectors> SetUpAsync()
        {
            ulong v = F.Graph.Variable(DataType.Float32, Length), w = F.Graph.Variable(DataType.Float32, Length);
            _root = F.Graph.Op("ReduceSum", F.Graph.Op("Mul", F.Graph.Op("Mul", v, v), w));
            await F.SetAsync((v, F.Tensor(Values(97))), (w, F.Tensor(Values(89))));
            return this;
        }

        public TrainRequest Request(long steps) => new() { Roots = [new(_root)], Optimizer = new Adam(), Steps = steps };

        public async Task<float[][]> StateAsync()
        {
            using var state = await F.Session.GetVariablesAsync(new GetVariablesRequest());
            return [.. state.Variables.Select(v => v.Value!.AsSpan<float>().ToArray())];
        }

        public void Dispose() => F.Dispose();

        private static float[] Values(int period) => [.. Enumerable.Range(0, Length).Select(i => ((i % period) - 40) / 64f)];
    }

    private sealed class Feeds(TrainFixture t) : IDisposable
    {
        public Dictionary<ulong, Tensor> Values { get; } = t.Feeds([0, 1, 2]);

        public void Dispose()
        {
            foreach (var tensor in Values.Values)
                tensor.Dispose();
        }
    }
}
