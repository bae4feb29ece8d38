using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions;

/// <summary>Custom nodes: what they ask, what they wait for, and what becomes of the answer.</summary>
public sealed class CalloutTests : IDisposable
{
    private readonly SessionFixture _fixture = new(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 1 } });
    private readonly Answers _answers;

    public CalloutTests() => _answers = new Answers(_fixture);

    private GraphSpecs Graph => _fixture.Graph;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task GradientsPassThroughBetweenBuiltInOps()
    {
        // d/dx Σ cube(2x) = 3·(2x)²·2, as by finite differences of Σ (2x)³.
        var x = Graph.Input(DataType.Float64, 3);
        var loss = Sum(Custom("cube", Graph.Op("Add", x, x)));
        _answers.Compute = _answers.Cube;
        double[] at = [0.5, -1.25, 3];
        using var fed = Tensor(at);
        using var result = await _fixture.Session.BackwardAsync(Backward(loss, x, fed) with { Fetches = [loss] });
        Assert.Equal(at.Sum(v => Math.Pow(2 * v, 3)), result.Values[0].AsSpan<double>()[0], 12);
        var gradient = result.Gradients[0].Tensor!.AsSpan<double>().ToArray();
        const double H = 1e-5;
        for (var i = 0; i < at.Length; i++)
        {
            double F(double d) => Math.Pow(2 * (at[i] + d), 3);
            Assert.Equal((F(H) - F(-H)) / (2 * H), gradient[i], 1e-6);
        }

        Assert.Equal([(CalloutPhase.Forward, "cube"), (CalloutPhase.Backward, "cube")], _answers.Asked);
    }

    [Fact]
    public async Task ARunKeepsWhatBackwardNeeds()
    {
        // The second output is used by nothing but the backward half: it is kept, not asked for again.
        var x = Graph.Input(DataType.Float64, 2);
        var first = Custom("pair", 2, [x], ("like", new long[] { 0, 0 }), ("saved_inputs", Array.Empty<long>()), ("saved_outputs", new long[] { 1 }));
        var loss = Sum(first);
        _answers.Compute = c =>
        {
            if (c.Phase == CalloutPhase.Forward)
                return [Tensor([10, 20]), Tensor([3, 4])];
            Assert.Null(c.Inputs[0].Tensor);
            Assert.Null(c.Outputs[0].Tensor);
            Assert.Equal([0, 0], c.Cotangents[1].Tensor!.AsSpan<double>().ToArray());
            return [c.Outputs[1].Tensor!.Share()];
        };
        using var fed = Tensor([1, 2]);
        using var forward = await _fixture.Session.ForwardAsync(new ForwardRequest { Nodes = Graph.Take(), Feeds = Feeds(x, fed), Gradients = true, Roots = [loss], Wrt = [x], Callouts = _answers.HandleAsync });
        using var result = await _fixture.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(loss)], Callouts = _answers.HandleAsync });
        Assert.Equal([3, 4], result.Gradients[0].Tensor!.AsSpan<double>().ToArray());
        Assert.Equal([CalloutPhase.Forward, CalloutPhase.Backward], _answers.Asked.Select(a => a.Phase));
    }

    [Fact]
    public async Task WaitingHoldsNoThread()
    {
        // One compute thread: another session computes while this one waits, and the queue behind stays in order.
        var release = new TaskCompletionSource();
        _answers.HoldUntil(release.Task);
        var x = Graph.Input(DataType.Float64, 1);
        var y = Custom("same", x);
        using var fed = Tensor([7]);
        NodeSpec[] nodes = [.. Graph.Nodes];
        var waiting = _fixture.Session.ForwardAsync(Forward(y, x, fed));
        await _answers.First;
        var behind = _fixture.Session.ForwardAsync(new ForwardRequest { Feeds = Feeds(x, fed), Fetches = [x] });
        using (var other = new GraphSession(_fixture.Host))
            (await other.ForwardAsync(new ForwardRequest { Nodes = nodes, Feeds = Feeds(x, fed), Fetches = [x] })).Dispose();
        await Eventually.HoldsAsync(() => _fixture.Host.Scheduler.OutsideQueues == 1);
        Assert.False(waiting.IsCompleted);
        Assert.False(behind.IsCompleted);
        release.SetResult();
        using var result = await waiting;
        Assert.Equal(7, result.Values[0].AsSpan<double>()[0]);
        (await behind).Dispose();
    }

    [Fact]
    public async Task EveryBitComesBack()
    {
        var random = new Random(5);
        foreach (var type in DataTypes.All)
        {
            var graph = new GraphSpecs((ulong)type * 100);
            var x = graph.Input(type, 37, 3);
            var y = graph.Add("Custom", Attributes.Of(("name", "same")), x);
            var bytes = new byte[37 * 3 * type.Size()];
            random.NextBytes(bytes);
            if (type == DataType.Bool)
                bytes = Array.ConvertAll(bytes, b => (byte)(b & 1));
            using var fed = Engine.Tensors.Tensor.FromBytes(_fixture.Host.Pool, type, new Shape(37, 3), bytes);
            using var result = await _fixture.Session.ForwardAsync(new ForwardRequest { Nodes = graph.Take(), Feeds = Feeds(x, fed), Fetches = [y], Callouts = _answers.HandleAsync });
            Assert.Equal(bytes, result.Values[0].AsBytes().ToArray());
        }
    }

    [Fact]
    public async Task EqualNodesAreAskedEachAndConstantsAreNotFolded()
    {
        var one = Graph.Constant(new Shape(2), 1.0, 2.0);
        var y = Graph.Op("Add", Custom("same", one), Custom("same", one));
        using var result = await _fixture.Session.ForwardAsync(new ForwardRequest { Nodes = Graph.Take(), Fetches = [y], Callouts = _answers.HandleAsync });
        Assert.Equal([2, 4], result.Values[0].AsSpan<double>().ToArray());
        Assert.Equal(2, _answers.Asked.Count);
    }

    [Fact]
    public async Task AMissingGradientIsZeroAndUnwantedValuesAreIgnored()
    {
        var x = Graph.Input(DataType.Float64, 2);
        var loss = Sum(Custom("f", 1, [x, x], ("like", new long[] { 0 })));
        _answers.Compute = c => c.Phase == CalloutPhase.Forward ? [c.Inputs[0].Tensor!.Share()] : [null, c.Cotangents[0].Tensor!.Share()];
        using var fed = Tensor([1, 2]);
        using var result = await _fixture.Session.BackwardAsync(Backward(loss, x, fed));
        Assert.Equal([1, 1], result.Gradients[0].Tensor!.AsSpan<double>().ToArray());

        var z = Custom("two", 2, [x], ("like", new long[] { 0, 0 }));
        _answers.Compute = c =>
        {
            Assert.Equal([0], c.Wanted);
            return [c.Inputs[0].Tensor!.Share(), Tensor([1, 2, 3])];
        };
        (await _fixture.Session.ForwardAsync(Forward(z, x, fed))).Dispose();
    }

    [Theory]
    [InlineData("count", "INPUT_COUNT_MISMATCH")]
    [InlineData("missing", "INPUT_COUNT_MISMATCH")]
    [InlineData("type", "DATA_TYPE_MISMATCH")]
    [InlineData("shape", "SHAPE_MISMATCH")]
    [InlineData("failure", "CALLOUT_FAILED")]
    public async Task AWrongAnswerFailsTheRequestAndNamesTheNode(string fault, string reason)
    {
        var x = Graph.Input(DataType.Float64, 2);
        var y = Custom("f", x);
        _answers.Compute = c => fault switch
        {
            "count" => [Tensor([1, 2]), null],
            "missing" => [null],
            "type" => [_fixture.Tensor(1, 2)],
            "shape" => [Tensor([1, 2, 3])],
            _ => throw GradientsException.Precondition(ErrorReasons.CalloutFailed, "no"),
        };
        using var fed = Tensor([1, 2]);
        var e = await Assert.ThrowsAsync<GradientsException>(() => _fixture.Session.ForwardAsync(Forward(y, x, fed)));
        Assert.Equal(reason, e.Reason);
        Assert.Equal((y.ToString(), "Custom"), (e.Metadata["node"], e.Metadata["op"]));
        _answers.Compute = Answers.Same;
        (await _fixture.Session.ForwardAsync(Forward(y, x, fed))).Dispose();
    }

    [Fact]
    public async Task WithoutAClientNothingIsComputed()
    {
        var x = Graph.Input(DataType.Float64, 2);
        var y = Custom("f", x);
        using var fed = Tensor([1, 2]);
        var e = await Assert.ThrowsAsync<GradientsException>(() => _fixture.Session.ForwardAsync(Forward(y, x, fed) with { Callouts = null }));
        Assert.Equal(ErrorReasons.CalloutUnavailable, e.Reason);
    }

    [Fact]
    public async Task ASecondDerivativeAndAMissingBackwardAreRefusedByName()
    {
        var x = Graph.Input(DataType.Float64, Array.Empty<Dimension>());
        var y = Custom("cube", x);
        var slope = Graph.Add("Gradient", Attributes.Of(("wrt", 1L)), y, x);
        var forwardOnly = Custom("cube", 1, [x], ("backward", false));
        _answers.Compute = _answers.Cube;
        using var fed = Engine.Tensors.Tensor.From<double>(_fixture.Host.Pool, Shape.Scalar, [2]);
        using (var first = await _fixture.Session.ForwardAsync(Forward(slope, x, fed)))
            Assert.Equal(12, first.Values[0].AsSpan<double>()[0]);
        foreach (var root in new[] { slope, forwardOnly })
        {
            var e = await Assert.ThrowsAsync<GradientsException>(() => _fixture.Session.BackwardAsync(Backward(root, x, fed)));
            Assert.Equal(ErrorReasons.OpNotDifferentiable, e.Reason);
            Assert.Equal((root == slope ? y : forwardOnly).ToString(), e.Metadata["node"]);
        }
    }

    [Fact]
    public async Task ACancelledRequestStopsWaitingAndLateAnswersAreGivenBack()
    {
        var release = new TaskCompletionSource();
        var returned = new TaskCompletionSource();
        var x = Graph.Input(DataType.Float64, 2);
        var y = Custom("f", x);
        using var fed = Tensor([1, 2]);
        using var cancellation = new CancellationTokenSource();
        var asked = new TaskCompletionSource();
        async Task<IReadOnlyList<Tensor?>> Deaf(Callout callout, CancellationToken _)
        {
            using (callout)
            {
                asked.SetResult();
                await release.Task;
                returned.SetResult();
                return Answers.Same(callout);
            }
        }

        var waiting = _fixture.Session.ForwardAsync(Forward(y, x, fed) with { Callouts = Deaf }, cancellation.Token);
        await asked.Task;
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        (await _fixture.Session.ForwardAsync(Forward(y, x, fed))).Dispose();
        release.SetResult();
        await returned.Task;
        await Eventually.HoldsAsync(() => _fixture.Host.Pool.RentedCount == 1);
    }

    [Fact]
    public async Task AClosedSessionAbandonsWhatWaits()
    {
        _answers.HoldUntil(Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken));
        var session = new GraphSession(_fixture.Host);
        var x = Graph.Input(DataType.Float64, 2);
        using var fed = Tensor([1, 2]);
        var waiting = session.ForwardAsync(Forward(Custom("f", x), x, fed));
        await _answers.First;
        await Eventually.HoldsAsync(() => _fixture.Host.Scheduler.OutsideQueues == 1);
        session.Dispose();
        Assert.Equal(ErrorReasons.SessionNotFound, (await Assert.ThrowsAsync<GradientsException>(() => waiting)).Reason);
        Assert.Equal(0, _fixture.Host.Scheduler.OutsideQueues);
    }

    /// <summary>The other session's requests take as long as with nobody waiting: medians of one run, a factor of 5 apart at most.</summary>
    [Fact]
    public async Task TenThousandThatWaitDoNotSlowAnother()
    {
        const int Count = 10_000;
        var release = new TaskCompletionSource();
        _answers.HoldUntil(release.Task);
        var x = Graph.Input(DataType.Float64, 64);
        var y = Custom("same", x);
        var twice = Graph.Op("Add", x, x);
        using var fed = Tensor([.. Enumerable.Range(0, 64).Select(i => (double)i)]);
        var nodes = Graph.Take();
        using var other = new GraphSession(_fixture.Host);
        await other.DefineAsync(new DefineRequest { Nodes = nodes });
        async Task<double> MedianAsync()
        {
            var times = new double[501];
            for (var i = 0; i < times.Length; i++)
            {
                var began = Stopwatch.GetTimestamp();
                (await other.ForwardAsync(new ForwardRequest { Feeds = Feeds(x, fed), Fetches = [twice] })).Dispose();
                times[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
            }

            Array.Sort(times);
            return times[times.Length / 2];
        }

        await MedianAsync();
        var alone = await MedianAsync();
        var sessions = Enumerable.Range(0, Count).Select(_ => new GraphSession(_fixture.Host)).ToArray();
        var waiting = Array.ConvertAll(sessions, s => s.ForwardAsync(new ForwardRequest { Nodes = nodes, Feeds = Feeds(x, fed), Fetches = [y], Callouts = _answers.HandleAsync }));
        await Eventually.HoldsAsync(() => _fixture.Host.Scheduler.OutsideQueues == Count);
        var beside = await MedianAsync();
        Assert.Equal(0, _fixture.Host.Scheduler.WaitingQueues);
        TestContext.Current.TestOutputHelper?.WriteLine($"median alone {alone:F1} µs, beside {Count} that wait {beside:F1} µs");
        Assert.True(beside < (5 * alone) + 50, $"{alone:F1} µs alone, {beside:F1} µs beside {Count} that wait");
        release.SetResult();
        foreach (var result in await Task.WhenAll(waiting))
            result.Dispose();
        foreach (var session in sessions)
            session.Dispose();
    }

    private static Dictionary<ulong, Tensor> Feeds(ulong input, Tensor value) => new() { [input] = value };

    private ulong Custom(string name, ulong input) => Custom(name, 1, [input]);

    private ulong Custom(string name, int outputs, ulong[] inputs, params (string, object)[] attributes)
    {
        var id = Graph.Add("Custom", Attributes.Of([("name", name), .. attributes]), inputs);
        for (var i = 1; i < outputs; i++)
            Graph.Nodes[^1] = Graph.Nodes[^1] with { AdditionalOutputs = [.. Graph.Nodes[^1].AdditionalOutputs, id + (ulong)(10_000 * i)] };
        return id;
    }

    private ulong Sum(ulong value) => Graph.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), value);

    private Tensor Tensor(double[] values) => Engine.Tensors.Tensor.From<double>(_fixture.Host.Pool, new Shape(values.Length), values);

    private ForwardRequest Forward(ulong value, ulong input, Tensor fed) =>
        new() { Nodes = Graph.Take(), Feeds = Feeds(input, fed), Fetches = [value], Callouts = _answers.HandleAsync };

    private BackwardRequest Backward(ulong root, ulong input, Tensor fed) =>
        new() { Nodes = Graph.Take(), Feeds = Feeds(input, fed), Roots = [new(root)], Wrt = [input], Callouts = _answers.HandleAsync };
}
