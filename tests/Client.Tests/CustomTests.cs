using Gradients.Engine.Tensors;

namespace Gradients.Client.Tests;

/// <summary>Functions of this process as nodes of a graph on the server.</summary>
public sealed class CustomTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task ACustomFunctionIsTheBuiltInOneForwardAndBackward()
    {
        await using var session = await server.Client.CreateSessionAsync();
        session.RegisterCustom(
            "square",
            c => [Map(c.Input(0), x => x * x)],
            c => [Zip(c.Input(0), c.Cotangent(0), (x, g) => (x + x) * g)]);
        var random = new Random(3);
        var values = Enumerable.Range(0, 24).Select(_ => (random.NextDouble() * 4) - 2).ToArray();
        var x = session.Variable("x", values, 4, 6);
        var custom = session.Custom("square", [x])[0];
        var builtIn = x * x;
        Assert.Equal(x.Shape, custom.Shape);
        var weights = session.Constant(TensorData.Of(Enumerable.Range(0, 6).Select(i => i + 0.5).ToArray(), 6));
        Node Loss(Node y) => (y * weights).Tanh().Sum();
        var a = await session.BackwardAsync(Loss(custom), [x], fetch: [custom]);
        var b = await session.BackwardAsync(Loss(builtIn), [x], fetch: [builtIn]);

        // (x + x)·g and x·g + x·g round alike: the bits are the same.
        Assert.Equal(b.Value(builtIn).ToArray<double>(), a.Value(custom).ToArray<double>());
        Assert.Equal(b[x].ToArray<double>(), a[x].ToArray<double>());

        // And the gradient is that of finite differences of the loss itself.
        var gradient = a[x].ToArray<double>();
        for (var i = 0; i < values.Length; i += 5)
        {
            double F(double d) => values.Select((v, j) => Math.Tanh((v + (j == i ? d : 0)) * (v + (j == i ? d : 0)) * ((j % 6) + 0.5))).Sum();
            Assert.Equal((F(1e-6) - F(-1e-6)) / 2e-6, gradient[i], 1e-6);
        }
    }

    [Fact]
    public async Task ANetworkLearnsThroughACustomActivation()
    {
        await using var session = await server.Client.CreateSessionAsync();
        session.RegisterCustom("softsign", c => [Map(c.Input(0), x => x / (1 + Math.Abs(x)))], c => [Zip(c.Input(0), c.Cotangent(0), (x, g) => g / ((1 + Math.Abs(x)) * (1 + Math.Abs(x))))]);
        var random = new Random(1);
        double[] Values(int n) => [.. Enumerable.Range(0, n).Select(_ => (random.NextDouble() * 2) - 1)];
        var x = session.Input<double>("x", 16, 1);
        var w1 = session.Variable("w1", Values(8), 1, 8);
        var b1 = session.Variable("b1", Values(8), 8);
        var w2 = session.Variable("w2", Values(8), 8, 1);
        var target = session.Input<double>("t", 16, 1);
        var hidden = session.Custom("softsign", [x.MatMul(w1) + b1])[0];
        var loss = (hidden.MatMul(w2) - target).Pow(2).Mean();
        var points = Enumerable.Range(0, 16).Select(i => -1 + (i / 7.5)).ToArray();
        var feeds = new Feeds { [x] = TensorData.Of(points, 16, 1), [target] = TensorData.Of(Array.ConvertAll(points, p => Math.Sin(3 * p)), 16, 1) };
        var first = (await session.BackwardAsync(loss, feeds: feeds, fetch: [loss])).Value(loss).Item<double>();
        var steps = new List<Task>();
        for (var i = 0; i < 300; i++)
        {
            // Pipelined: nothing is awaited one by one, whatever calls out in between.
            steps.Add(session.BackwardAsync(loss, feeds: feeds, mode: GradientMode.Accumulate));
            steps.Add(session.ApplyGradientsAsync(new Adam { LearningRate = 0.05 }, zeroGradients: true));
        }

        await Task.WhenAll(steps);
        var last = (await session.BackwardAsync(loss, feeds: feeds, fetch: [loss])).Value(loss).Item<double>();
        Assert.True(last < first / 20, $"{first} → {last}");
    }

    [Fact]
    public async Task SeveralOutputsOfDeclaredTypesAndARunThatSavesThem()
    {
        await using var session = await server.Client.CreateSessionAsync();
        session.RegisterCustom(
            "stats",
            c =>
            {
                var x = c.Input(0).ToArray<double>();
                return [TensorData.Scalar(x.Sum()), new long[] { x.Length, Array.IndexOf(x, x.Max()) }];
            },
            c =>
            {
                Assert.Throws<InvalidOperationException>(() => c.Input(0));
                Assert.Throws<InvalidOperationException>(() => c.Cotangent(1));
                return [Enumerable.Repeat(c.Cotangent(0).Item<double>(), (int)c.Output(1).ToArray<long>()[0]).ToArray()];
            });
        var x = session.Variable("x", new double[] { 1, 5, 2 });
        var y = session.Custom("stats", [x], new CustomOptions
        {
            InputTypes = [new TensorType(DataType.Float64, "n")],
            Types = [new TensorType(DataType.Float64), new TensorType(DataType.Int64, 2)],
            SavedInputs = [],
        });
        Assert.Equal(new Shape(2), y[1].Shape);
        using var run = await session.ForwardAsync(y, gradients: true, roots: [y[0]]);
        Assert.Equal(8, run[y[0]].Item<double>());
        Assert.Equal([3L, 1L], run[y[1]].ToArray<long>());
        var result = await run.BackwardAsync(y[0]);
        Assert.Equal([1, 1, 1], result[x].ToArray<double>());
    }

    [Fact]
    public async Task LargeTensorsTravelBothWays()
    {
        await using var session = await server.Client.CreateSessionAsync();
        session.RegisterCustom("negate", c => [Map(c.Input(0), x => -x)], c => [Map(c.Cotangent(0), g => -g)]);
        var elements = Enumerable.Range(0, 1 << 20).Select(i => i / 7.0).ToArray();
        var x = session.Variable("x", elements);
        var y = session.Custom("negate", [x])[0];
        Assert.Equal(Array.ConvertAll(elements, e => -e), (await y.ValueAsync()).ToArray<double>());
    }

    [Fact]
    public async Task AnExceptionIsTheRequestsErrorAndARequestFromInsideThrowsAtOnce()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Variable("x", 2.0);
        GradientsClientException? inside = null;
        session.RegisterCustomAsync("nested", async c =>
        {
            inside = await Assert.ThrowsAsync<GradientsClientException>(() => x.ValueAsync());
            throw new InvalidOperationException("the licence server is down");
        });
        var y = session.Custom("nested", [x])[0];
        var outside = await Assert.ThrowsAsync<GradientsClientException>(() => y.ValueAsync());
        Assert.Equal(("CALLOUT_FAILED", y.Id), (outside.Reason, outside.NodeId));
        Assert.Contains("the licence server is down", outside.Message, StringComparison.Ordinal);
        Assert.Equal(("CALLOUT_NESTED", true), (inside!.Reason, inside.IsLocal));
        Assert.Equal(2, (await x.ValueAsync()).Item<double>());

        // Without a backward there is no derivative; without a function there is no value.
        Assert.Equal("OP_NOT_DIFFERENTIABLE", (await Assert.ThrowsAsync<GradientsClientException>(() => session.BackwardAsync(y, [x]))).Reason);
        Assert.Equal("CALLOUT_FAILED", (await Assert.ThrowsAsync<GradientsClientException>(() => session.Custom("unknown", [x])[0].ValueAsync())).Reason);
    }

    [Fact]
    public async Task AnotherSessionMayBeAskedFromInsideAndThisOneAfterwards()
    {
        await using var session = await server.Client.CreateSessionAsync();
        await using var other = await server.Client.CreateSessionAsync();
        var x = session.Variable("x", 3.0);
        var input = other.Input<double>("input");
        var later = new TaskCompletionSource<TensorData>();
        var returned = new TaskCompletionSource();
        session.RegisterCustomAsync("remote", async c =>
        {
            _ = Task.Run(async () =>
            {
                await returned.Task;
                later.SetResult(await x.ValueAsync());
            });
            return [await (input * input).ValueAsync(new Feeds { [input] = c.Input(0) })];
        });
        Assert.Equal(9, (await session.Custom("remote", [x])[0].ValueAsync()).Item<double>());
        returned.SetResult();
        Assert.Equal(3, (await later.Task).Item<double>());
    }

    [Fact]
    public async Task FunctionsOfTheGraphMayCallCustomOnes()
    {
        await using var session = await server.Client.CreateSessionAsync();
        session.RegisterCustom("both", c => [Map(c.Input(0), x => x + 1), Map(c.Input(0), x => x * x)], c => [Zip(c.Cotangent(0), Zip(c.Input(0), c.Cotangent(1), (x, g) => 2 * x * g), (a, b) => a + b)]);
        var f = session.DefineFunction("F", (body, p) =>
        {
            var y = body.Custom("both", [p], new CustomOptions { Like = [0, 0] });
            return y[0] * y[1];
        });
        var x = session.Variable("x", 3.0);
        var z = f.Call(x);

        // (x + 1)·x² has the derivative 3x² + 2x.
        var result = await session.BackwardAsync(z, [x], fetch: [z]);
        Assert.Equal(36, result.Value(z).Item<double>());
        Assert.Equal(33, result[x].Item<double>());
    }

    [Fact]
    public void WhatCannotFitIsRaisedWhereItIsMade()
    {
        var graph = new Graph();
        var x = graph.Input<float>("x", 2, 3);
        Assert.Equal("SHAPE_MISMATCH", Assert.Throws<ShapeMismatchException>(() => graph.Custom("f", [x], new CustomOptions { InputTypes = [new TensorType(DataType.Float32, "n")] })).Reason);
        Assert.Equal("INVALID_ATTRIBUTE", Assert.Throws<GradientsClientException>(() => graph.Custom("f", [x], new CustomOptions { Like = [1] })).Reason);
        var open = graph.Custom("f", [graph.Input<float>("y", "batch")], new CustomOptions { Types = [new TensorType(DataType.Int64, 4)] })[0];
        Assert.Equal(DataType.Int64, open.DataType);
    }

    private static TensorData Map(TensorData x, Func<double, double> f) => TensorData.Of(Array.ConvertAll(x.ToArray<double>(), v => f(v)), x.Shape.Dimensions);

    private static TensorData Zip(TensorData a, TensorData b, Func<double, double, double> f) =>
        TensorData.Of(a.ToArray<double>().Zip(b.ToArray<double>(), f).ToArray(), a.Shape.Dimensions);
}
