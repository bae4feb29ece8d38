using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Sessions;

public sealed class SessionRequestTests : IDisposable
{
    private readonly SessionFixture _f = new(limits: new SessionLimits { MaxRuns = 2, MaxBytes = 1 << 20 });

    public void Dispose() => _f.Dispose();

    [Fact]
    public async Task RequestsApplyInTheOrderOfTheCalls()
    {
        var w = _f.Graph.Variable(DataType.Float32);
        var next = _f.Graph.Op("Add", _f.Graph.Op("Mul", w, _f.Graph.Scalar(2)), _f.Graph.Scalar(1));
        await _f.SetAsync(w, _f.Scalar(0));
        var steps = Enumerable.Range(0, 10).Select(_ => _f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(w, null, next)] })).ToList();
        Assert.Equal<float[]>([1023f], await _f.ValueAsync(w));
        Assert.Equal(Enumerable.Range(2, 10).Select(i => (ulong)i), (await Task.WhenAll(steps)).Select(s => s[0].Version));
    }

    [Fact]
    public async Task RunsAreRetainedReleasedCountedAndNeverKnown()
    {
        var (w, y) = await SquareAsync();
        var forward = new ForwardRequest { Gradients = true, Roots = [y] };
        using var first = await _f.Session.ForwardAsync(forward);
        using var second = await _f.Session.ForwardAsync(forward);
        await AssertReasonAsync(ErrorReasons.SessionQuota, () => _f.Session.ForwardAsync(forward));
        for (var i = 0; i < 2; i++)
            Assert.Equal<float[]>([6f], await GradientAsync(new BackwardRequest { Run = first.Run, Roots = [new(y)], Retain = i == 0 }));
        await AssertReasonAsync(ErrorReasons.RunReleased, () => _f.Session.BackwardAsync(new BackwardRequest { Run = first.Run, Roots = [new(y)] }));
        await AssertReasonAsync(ErrorReasons.RunNotFound, () => _f.Session.BackwardAsync(new BackwardRequest { Run = 99, Roots = [new(y)] }));
        await _f.Session.ReleaseAsync(new ReleaseRequest { Runs = [second.Run, second.Run, 1234] });
        await AssertReasonAsync(ErrorReasons.RunReleased, () => _f.Session.BackwardAsync(new BackwardRequest { Run = second.Run, Roots = [new(y)] }));
        Assert.Equal(0, _f.Session.RunCount);
        Assert.Equal<float[]>([3f], await _f.ValueAsync(w));
    }

    [Fact]
    public async Task AFailedBackwardKeepsItsRun()
    {
        var (_, y) = await SquareAsync();
        using var forward = await _f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [y] });
        using var wrong = _f.Tensor(1, 2);
        await AssertReasonAsync(ErrorReasons.ShapeMismatch, () => _f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(y, wrong)] }));
        Assert.Equal<float[]>([6f], await GradientAsync(new BackwardRequest { Run = forward.Run, Roots = [new(y)] }));
    }

    [Fact]
    public async Task ARunDoesNotMistakeAReusedIdForWhatItSaw()
    {
        var (w, y) = await SquareAsync();
        using var forward = await _f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [y] });
        await _f.Session.ReleaseAsync(new ReleaseRequest { Values = [w, y] });

        // The same id is a larger variable now: the run's gradient of one element must not become its gradient.
        await _f.Session.DefineAsync(new DefineRequest { Nodes = [new(w, "Variable", [], Attributes.Of(("type", new TensorType(DataType.Float32, 1000L)))), new(y, "Identity", [w], Attributes.None)] });
        using var one = _f.Scalar(1);
        await Assert.ThrowsAsync<GradientsException>(() => _f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(y, one)], Mode = GradientMode.Accumulate }));
        Assert.Null(await _f.GradientAsync(w));
    }

    [Fact]
    public async Task WhatIsMissingOrDoesNotFitHasItsReason()
    {
        var g = _f.Graph;
        var unset = g.Variable(DataType.Float32);
        var x = g.Input(DataType.Float32, "n");
        var z = g.Input(DataType.Float32, "n");
        var i = g.Input(DataType.Int64, 2);
        var sum = g.Op("Add", x, z);
        await _f.Session.DefineAsync(new DefineRequest { Nodes = g.Take() });
        using var two = _f.Tensor(1, 2);
        using var three = _f.Tensor(1, 2, 3);
        await AssertNodeAsync(ErrorReasons.VariableNotSet, unset, new ForwardRequest { Fetches = [unset] });
        await AssertNodeAsync(ErrorReasons.FeedMissing, z, new ForwardRequest { Fetches = [sum], Feeds = new Dictionary<ulong, Tensor> { [x] = two } });
        await AssertNodeAsync(ErrorReasons.ShapeMismatch, z, new ForwardRequest { Fetches = [sum], Feeds = new Dictionary<ulong, Tensor> { [x] = two, [z] = three } });
        await AssertNodeAsync(ErrorReasons.DataTypeMismatch, i, new ForwardRequest { Fetches = [sum], Feeds = new Dictionary<ulong, Tensor> { [i] = two } });
        await AssertNodeAsync(ErrorReasons.ShapeMismatch, unset, new ForwardRequest { Fetches = [sum], Feeds = new Dictionary<ulong, Tensor> { [unset] = two } });
        await AssertNodeAsync(ErrorReasons.InvalidField, sum, new ForwardRequest { Fetches = [sum], Feeds = new Dictionary<ulong, Tensor> { [sum] = two } });
        await AssertNodeAsync(ErrorReasons.ValueNotFound, 999, new ForwardRequest { Fetches = [999] });
        var feeds = new Dictionary<ulong, Tensor> { [x] = two, [z] = two };
        await AssertReasonAsync(ErrorReasons.GradientsDisabled, () => _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(sum)], Feeds = feeds }));
        await AssertReasonAsync(ErrorReasons.CotangentRequired, () => _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(sum)], Wrt = [x], Feeds = feeds }));
        await AssertReasonAsync(ErrorReasons.InvalidField, () => _f.Session.BackwardAsync(new BackwardRequest { Roots = [], Wrt = [x] }));
        await AssertReasonAsync(ErrorReasons.InvalidField, () => _f.Session.ForwardAsync(new ForwardRequest { Gradients = true }));
    }

    [Fact]
    public async Task VariablesAreSetAllOrNone()
    {
        ulong a = _f.Graph.Variable(DataType.Float32), b = _f.Graph.Variable(DataType.Float32);
        await _f.SetAsync((a, _f.Scalar(1)), (b, _f.Scalar(2)));
        using Tensor ten = _f.Scalar(10), wrong = _f.Tensor(1, 2);
        await AssertReasonAsync(ErrorReasons.ShapeMismatch, () => _f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(a, ten), new(b, wrong)] }));
        var conflict = await AssertReasonAsync(ErrorReasons.VersionConflict, () => _f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(a, ten, ExpectedVersion: 1), new(b, ten, ExpectedVersion: 7)] }));
        Assert.Equal((ErrorCode.Aborted, b.ToString()), (conflict.Code, conflict.Metadata["node"]));
        await AssertReasonAsync(ErrorReasons.InvalidField, () => _f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(a, ten), new(a, ten)] }));
        Assert.Equal((1f, 2f), ((await _f.ValueAsync(a))[0], (await _f.ValueAsync(b))[0]));
        var versions = await _f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(a, null, b, 1), new(b, null, a, 1)] });
        Assert.Equal((2f, 1f), ((await _f.ValueAsync(a))[0], (await _f.ValueAsync(b))[0]));
        Assert.Equal([2ul, 2ul], versions.Select(v => v.Version));
    }

    [Fact]
    public async Task TheQuotaCountsWhatEarlierWritesHold()
    {
        // Each takes 0.4 of the limit.
        var variables = Enumerable.Range(0, 3).Select(_ => _f.Graph.Variable(DataType.Float32, 100_000)).ToArray();
        await _f.SetAsync(variables[0], _f.Tensor(new float[100_000]));
        Assert.Equal(400_000, _f.Session.HeldBytes);
        await _f.SetAsync(variables[1], _f.Tensor(new float[100_000]));
        using var third = _f.Tensor(new float[100_000]);
        await AssertReasonAsync(ErrorReasons.SessionQuota, () => _f.Session.SetVariablesAsync(new SetVariablesRequest { Updates = [new(variables[2], third)] }));

        // A run keeps the version that it saw.
        using var run = await _f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [variables[0]] });
        await _f.SetAsync(variables[0], _f.Tensor(new float[100_000]));
        Assert.Equal(1_200_000, _f.Session.HeldBytes);
        await _f.Session.ReleaseAsync(new ReleaseRequest { Runs = [run.Run] });
        Assert.Equal(800_000, _f.Session.HeldBytes);
    }

    [Fact]
    public async Task AReturnedGradientIsNotChangedByLaterAccumulation()
    {
        var (w, y) = await SquareAsync();
        var both = new BackwardRequest { Roots = [new(y)], Mode = GradientMode.Both };
        using var first = await _f.Session.BackwardAsync(both);
        using var second = await _f.Session.BackwardAsync(both);
        using var third = await _f.Session.BackwardAsync(both);
        foreach (var result in new[] { first, second, third })
            Assert.Equal([6f], result.Gradients[0].Tensor!.AsSpan<float>().ToArray());
        Assert.Equal<float[]>([18f], (await _f.GradientAsync(w))!);
    }

    [Fact]
    public async Task ACotangentIsNotAliasedByTheGradient()
    {
        var w = _f.Graph.Variable(DataType.Float32, 2);
        await _f.SetAsync(w, _f.Tensor(1, 2));
        using var cotangent = _f.Tensor(3, 4);
        for (var i = 1; i <= 3; i++)
        {
            using (await _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(w, cotangent)], Mode = GradientMode.Accumulate }))
            {
            }

            Assert.Equal<float[]>([3f * i, 4f * i], (await _f.GradientAsync(w))!);
            Assert.Equal([3f, 4f], cotangent.AsSpan<float>().ToArray());
        }
    }

    [Fact]
    public async Task NoPathIsAbsentUnlessZerosAreAskedFor()
    {
        var (w, y) = await SquareAsync();
        var other = _f.Graph.Variable(DataType.Float32, 2);
        await _f.SetAsync(other, _f.Tensor(1, 1));
        var request = new BackwardRequest { Roots = [new(y)], Wrt = [other, w], Mode = GradientMode.Both };
        using var absent = await _f.Session.BackwardAsync(request);
        Assert.Null(absent.Gradients[0].Tensor);
        Assert.Null(await _f.GradientAsync(other));
        using var zeros = await _f.Session.BackwardAsync(request with { Mode = GradientMode.Return, ZerosForAbsent = true });
        Assert.Equal([0f, 0f], zeros.Gradients[0].Tensor!.AsSpan<float>().ToArray());
        Assert.Equal([6f], zeros.Gradients[1].Tensor!.AsSpan<float>().ToArray());
    }

    [Fact]
    public async Task AReleasedVariableGivesBackItsMemoryAndItsIdMeansNothingOrSomethingNew()
    {
        var (w, y) = await SquareAsync();
        await _f.Session.ReleaseAsync(new ReleaseRequest { Values = [w] });
        Assert.Equal(0, _f.Session.HeldBytes);
        await AssertReasonAsync(ErrorReasons.VariableNotSet, () => _f.Session.ForwardAsync(new ForwardRequest { Fetches = [y] }));
        await _f.Session.DefineAsync(new DefineRequest { Nodes = [new(w, "Variable", [], Attributes.Of(("type", new TensorType(DataType.Float32))))] });
        await AssertReasonAsync(ErrorReasons.GradientsDisabled, () => _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(y)] }));
    }

    [Fact]
    public async Task AskingAgainMeansWhatTheIdsMeanNow()
    {
        var (w, y) = await SquareAsync();
        var request = new BackwardRequest { Roots = [new(y)], Fetches = [y] };
        using (var first = await _f.Session.BackwardAsync(request))
            Assert.Equal((9f, 6f), (first.Values[0].AsSpan<float>()[0], first.Gradients[0].Tensor!.AsSpan<float>()[0]));
        await _f.Session.ReleaseAsync(new ReleaseRequest { Values = [y] });
        await _f.Session.DefineAsync(new DefineRequest { Nodes = [new(y, "Add", [w, w], Attributes.None)] });
        using (var second = await _f.Session.BackwardAsync(request))
            Assert.Equal((6f, 2f), (second.Values[0].AsSpan<float>()[0], second.Gradients[0].Tensor!.AsSpan<float>()[0]));

        // Without its variable the same root has nothing to differentiate for.
        await _f.Session.ReleaseAsync(new ReleaseRequest { Values = [w] });
        await AssertReasonAsync(ErrorReasons.GradientsDisabled, () => _f.Session.BackwardAsync(request));
    }

    [Fact]
    public async Task FiniteChecksAndIndexErrorsNameTheClientsNodeAlsoOnASharedPlan()
    {
        foreach (var firstId in new ulong[] { 1000, 7_000_000 })
        {
            using var session = new GraphSession(_f.Host);
            var g = new Gradients.Testing.GraphSpecs(firstId);
            var x = g.Input(DataType.Float32, 2);
            var i = g.Input(DataType.Int64, 1);
            var log = g.Op("Log", x);
            var picked = g.Op("Gather", g.Op("Neg", g.Op("Exp", log)), i);
            using Tensor data = _f.Tensor(-1, 2), good = Tensor.From<long>(_f.Host.Pool, new Shape(1), [1]), bad = Tensor.From<long>(_f.Host.Pool, new Shape(1), [long.MinValue]);
            await session.DefineAsync(new DefineRequest { Nodes = g.Take() });
            Dictionary<ulong, Tensor> Feeds(Tensor index) => new() { [x] = data, [i] = index };
            var finite = await AssertReasonAsync(ErrorReasons.NonFiniteValue, () => session.ForwardAsync(new ForwardRequest { Fetches = [picked], Feeds = Feeds(good), CheckFinite = true }));
            Assert.Equal((log.ToString(), "Log"), (finite.Metadata["node"], finite.Metadata["op"]));
            var range = await AssertReasonAsync(ErrorReasons.IndexOutOfRange, () => session.ForwardAsync(new ForwardRequest { Fetches = [picked], Feeds = Feeds(bad) }));
            Assert.Equal(picked.ToString(), range.Metadata["node"]);
            using var profiled = await session.ForwardAsync(new ForwardRequest { Fetches = [picked], Feeds = Feeds(good), Profile = true });
            Assert.Contains(profiled.Profile!.Instructions, p => p.Nodes.Contains((picked, "Gather")));
            Assert.All(profiled.Profile.Instructions.SelectMany(p => p.Nodes), n => Assert.InRange(n.Id, firstId, firstId + 10));
        }

        Assert.Equal(2, _f.Host.Plans.Compilations);
    }

    [Fact]
    public async Task ABroadcastBombIsRefusedWithNothingAllocated()
    {
        ulong a = _f.Graph.Input(DataType.Float32, 1_000_000, 1), b = _f.Graph.Input(DataType.Float32, 1, 1_000_000);
        var bomb = _f.Graph.Op("Add", a, b);
        using Tensor column = Tensor.From<float>(_f.Host.Pool, new Shape(1_000_000, 1), new float[1_000_000]), row = Tensor.From<float>(_f.Host.Pool, new Shape(1, 1_000_000), new float[1_000_000]);
        var (high, held) = (_f.Host.Pool.HighWaterBytes, _f.Host.Pool.HeldBytes);
        var error = await AssertReasonAsync(ErrorReasons.MemoryBudgetExceeded, () => _f.Session.ForwardAsync(new ForwardRequest { Nodes = _f.Graph.Take(), Fetches = [bomb], Feeds = new Dictionary<ulong, Tensor> { [a] = column, [b] = row } }));
        Assert.Equal(ErrorCode.ResourceExhausted, error.Code);
        Assert.Equal((high, held), (_f.Host.Pool.HighWaterBytes, _f.Host.Pool.HeldBytes));
    }

    [Fact]
    public async Task MoreOperationsThanAllowedAreRefused()
    {
        using var f = new SessionFixture(new EngineOptions { MaxFlopsPerRequest = 1e6, Scheduler = new SchedulerOptions { Threads = 1 } });
        var a = f.Graph.Variable(DataType.Float32, 100, 100);
        await f.SetAsync(a, Tensor.From<float>(f.Host.Pool, new Shape(100, 100), new float[10_000]));
        var product = f.Graph.Op("MatMul", a, a);
        await AssertReasonAsync(ErrorReasons.ComputeQuota, () => f.Session.ForwardAsync(new ForwardRequest { Nodes = f.Graph.Take(), Fetches = [product] }));
    }

    private async Task<(ulong W, ulong Y)> SquareAsync()
    {
        var w = _f.Graph.Variable(DataType.Float32);
        var y = _f.Graph.Op("Mul", w, w);
        await _f.SetAsync(w, _f.Scalar(3));
        return (w, y);
    }

    private async Task<float[]> GradientAsync(BackwardRequest request)
    {
        using var result = await _f.Session.BackwardAsync(request);
        return result.Gradients[0].Tensor!.AsSpan<float>().ToArray();
    }

    private async Task AssertNodeAsync(string reason, ulong node, ForwardRequest request) =>
        Assert.Equal(node.ToString(), (await AssertReasonAsync(reason, () => _f.Session.ForwardAsync(request))).Metadata["node"]);

    private static async Task<GradientsException> AssertReasonAsync(string reason, Func<Task> action)
    {
        var error = await Assert.ThrowsAsync<GradientsException>(action);
        Assert.Equal(reason, error.Reason);
        return error;
    }
}
