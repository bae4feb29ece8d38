using Gradients.Engine.Tensors;

namespace Gradients.Client.Tests;

public sealed class NodeTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task AValueCanBeAskedForAnywhere()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Input<float>("x", "batch", 2);
        var y = x * 2;
        Assert.Equal(new[] { 2f, 4f }, (await y.ValueAsync(new Feeds { [x] = new float[,] { { 1, 2 } } })).ToArray<float>());
        var z = y.Sum(1);
        var value = await z.ValueAsync(new Feeds { [x] = new float[,] { { 1, 2 }, { 3, 4 } } });
        Assert.Equal([6f, 14f], value.ToArray<float>());
        Assert.Equal(2, value.Shape[0]);
    }

    [Fact]
    public async Task EveryOpComputesWhatItsNameSays()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Constant(new double[] { -1, 0, 2 });
        var m = session.Constant(new double[,] { { 1, 2 }, { 3, 4 } });
        var yes = session.Constant(new[] { true, false, true });
        var classes = session.Constant(new long[] { 1, 0 });
        var zeros = session.Constant(new double[] { 0, 0, 0 });
        var line = session.Constant(new double[] { 1, 2, 4, 8 }).Reshape(1, 1, 4);
        var taps = session.Constant(new double[] { 1, 10 }).Reshape(1, 1, 2);
        var heads = session.Constant(new double[] { 1, 2 }).Reshape(1, 1, 2, 1);
        (Node Node, double[] Expected)[] cases =
        [
            (x + x, [-2, 0, 4]), (x + 1, [0, 1, 3]), (1 - x, [2, 1, -1]), (x - 1, [-2, -1, 1]), (2 * x, [-2, 0, 4]), (x / 2, [-0.5, 0, 1]), (4 / (x + 2), [4, 2, 1]), (-x, [1, 0, -2]),
            (x.Pow(2), [1, 0, 4]), (x.Pow(x.Abs()), [-1, 1, 4]), (x.Exp(), [Math.Exp(-1), 1, Math.Exp(2)]), ((x + 2).Log(), [0, Math.Log(2), Math.Log(4)]), ((x + 2).Sqrt(), [1, Math.Sqrt(2), 2]), ((x + 2).Reciprocal(), [1, 0.5, 0.25]),
            (x.Abs(), [1, 0, 2]), (x.Sign(), [-1, 0, 1]), (x.Erf(), [-0.8427007929497149, 0, 0.9953222650189527]), (x.Relu(), [0, 0, 2]), (x.Sigmoid(), [1 / (1 + Math.E), 0.5, 1 / (1 + Math.Exp(-2))]),
            (x.Tanh(), [Math.Tanh(-1), 0, Math.Tanh(2)]), (x.Softplus(), [Math.Log(1 + Math.Exp(-1)), Math.Log(2), Math.Log(1 + Math.Exp(2))]), (x.Gelu(), [-0.15865525393145707, 0, 1.9544997361036416]),
            (x.Gelu(tanhApproximation: true), [-0.15880800939172324, 0, 1.954597694087775]), (x.Max(zeros), [0, 0, 2]), (x.Max(1), [1, 1, 2]), (x.Min(zeros), [-1, 0, 0]), (x.Min(1), [-1, 0, 1]),
            (x.Clip(-0.5, 1), [-0.5, 0, 1]), (x.Clip(min: 0), [0, 0, 2]), (x.Clip(max: 0), [-1, 0, 0]), (yes.Where(x, zeros), [-1, 0, 2]), (yes.Where(x, 7), [-1, 7, 2]), (yes.Where(7.0, x), [7, 0, 7]),
            (x.EqualTo(0).Cast<double>(), [0, 1, 0]), (x.Less(0).Cast<double>(), [1, 0, 0]), (x.Greater(zeros).Cast<double>(), [0, 0, 1]), (x.Identity(), [-1, 0, 2]), (x.StopGradient(), [-1, 0, 2]),
            (m.Sum(), [10]), (m.Sum(0), [4, 6]), (m.Sum([1], keepDims: true), [3, 7]), (m.Mean(), [2.5]), (m.Mean(-1), [1.5, 3.5]), (m.ReduceMax([0]), [3, 4]), (m.ReduceMin(), [1]),
            (zeros.LogSumExp(), [Math.Log(3)]), (zeros.Softmax(), [1.0 / 3, 1.0 / 3, 1.0 / 3]), (zeros.LogSoftmax(), [-Math.Log(3), -Math.Log(3), -Math.Log(3)]),
            (m.LayerNormalization(zeros.Sum() + 2, zeros.Sum() + 1, epsilon: 0.75), [0, 2, 0, 2]), (m.RMSNormalization(zeros.Sum() + 1, axis: 0, epsilon: 1.5), [1.0 / 3, 2.0 / 3, 1, 4.0 / 3]),
            (x.L1Norm(), [3]), (m.L2Norm([1], keepDims: true), [Math.Sqrt(5), 5]), (m.SumSquare([0]), [10, 20]),
            (x.Dropout(0, seed: 3), [-1, 0, 2]), (x.Dropout(0.999, seed: 3, classes.Slice(0, 0, 1)), [0, 0, 0]),
            (m.MatMul(m), [7, 10, 15, 22]), (m.Gemm(m, m, alpha: 2, beta: -1, transposeB: true), [9, 20, 19, 46]), (m.Transpose(), [1, 3, 2, 4]), (m.Transpose(1, 0), [1, 3, 2, 4]),
            (m.Reshape(-1), [1, 2, 3, 4]), (x.Expand(2, 3), [-1, 0, 2, -1, 0, 2]), (x.Unsqueeze(0).Squeeze(), [-1, 0, 2]), (x.Unsqueeze(1).Squeeze(1), [-1, 0, 2]), (x.Slice(0, 1, 3), [0, 2]),
            (x.Slice([2], [-4], steps: [-1]), [2, 0, -1]), (m.Slice([0], [1], [1]), [1, 3]), (m.Gather(classes), [3, 4, 1, 2]), (m.Gather(classes, axis: 1), [2, 1, 4, 3]), (Node.Concat(0, x, zeros), [-1, 0, 2, 0, 0, 0]),
            (m.ShapeOf().Cast<double>(), [2, 2]),
            (m.MeanSquaredError(m + 2), [4]), (m.MeanSquaredError(m + 2, Reduction.Sum), [16]), (m.SoftmaxCrossEntropy(classes), [(Math.Log(1 + Math.Exp(-1)) + Math.Log(1 + Math.E)) / 2]),
            (zeros.BinaryCrossEntropyWithLogits(zeros), [Math.Log(2)]),
            (line.Conv(taps, session.Constant(new double[] { 0.5 })), [21.5, 42.5, 84.5]),
            (line.Conv(taps, window: new() { Strides = [2], Pads = [1, 0], Dilations = [2] }), [20, 82]),
            (line.MaxPool([2], new() { Strides = [2] }), [2, 8]), (line.MaxPool([3], new() { Strides = [3], Ceil = true }), [4, 8]), (line.AveragePool([2]), [1.5, 3, 6]),
            (line.AveragePool([2], new() { Pads = [1, 0] }, countPads: true), [0.5, 1.5, 3, 6]), (line.AveragePool([3], new() { Same = true, Strides = [2] }), [7.0 / 3, 6]), (line.GlobalMaxPool(), [8]), (line.GlobalAveragePool(), [3.75]),
            (heads.Attention(heads, heads, scale: 0), [1.5, 1.5]), (heads.Attention(heads, heads, isCausal: true), [1, (1 + (2 * Math.Exp(2))) / (1 + Math.Exp(2))]),
            (heads.Attention(heads, heads, session.Constant(new[] { false, true, false, false }).Reshape(2, 2)), [2, 0]),
        ];
        var values = await session.ForwardAsync([.. cases.Select(c => c.Node)]);
        foreach (var (node, expected) in cases)
        {
            var actual = values[node].ToArray<double>();
            Assert.True(actual.Length == expected.Length, $"{node}: {actual.Length} elements, not {expected.Length}");
            Assert.All(actual.Zip(expected), p => Assert.True(Math.Abs(p.First - p.Second) < 1e-12, $"{node}: {p.First} instead of {p.Second}"));
            Assert.Equal(values[node].Shape, node.Shape);
            Assert.Equal(values[node].DataType, node.DataType);
        }
    }

    [Fact]
    public async Task AGradientIsANodeThatIsDifferentiableAgain()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Variable("x", 3.0);
        var first = session.Gradient(x.Pow(3), x);
        var second = session.Gradient(first, x);
        Assert.Equal(27.0, (await first.ValueAsync()).Item<double>(), 12);
        Assert.Equal(18.0, (await second.ValueAsync()).Item<double>(), 12);
        Assert.Equal(6.0, (await session.BackwardAsync(second))[x].Item<double>(), 12);
    }

    [Fact]
    public async Task NothingFlowsBackThroughNoGrad()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Variable("x", 3.0);
        Node constant;
        using (session.NoGrad())
            constant = x * x;
        var result = await session.BackwardAsync(constant * x, [x]);
        Assert.Equal(9.0, result[x].Item<double>());
        var alone = await session.BackwardAsync(constant + 1, [x]);
        Assert.True(alone.IsAbsent(x));
        Assert.Equal("GRADIENT_ABSENT", Assert.Throws<GradientsClientException>(() => alone[x]).Reason);
    }

    [Fact]
    public async Task AScopeReleasesItsNodesAndKeepsTheRest()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", [1f, 2f, 3f]);
        await session.FlushAsync();
        var before = (await session.GetInfoAsync()).NodeCount;
        for (var step = 0; step < 20; step++)
        {
            using var scope = session.Scope();
            var loss = (w * session.Constant(new float[] { step, step, step })).Sum();
            Assert.Equal(step * 6f, (await loss.ValueAsync()).Item<float>());
        }

        await session.FlushAsync();
        Assert.Equal(before, (await session.GetInfoAsync()).NodeCount);
        Assert.Equal(new[] { 1f, 2f, 3f }, (await session.GetAsync(w)).ToArray<float>());
    }

    [Fact]
    public void ShapesAndTypesAreKnownWithoutAServer()
    {
        var graph = new Graph();
        var x = graph.Input<float>("x", 32, 64);
        var w = graph.Variable("w", DataType.Float32, 64, 10);
        var y = x.MatMul(w).Relu();
        Assert.Equal(new Shape(32, 10), y.Shape);
        Assert.Equal(DataType.Bool, (y.Greater(0)).DataType);
        var symbolic = graph.Input<double>("s", "batch", 3);
        Assert.Null((symbolic * 2).Shape);
        Assert.Equal(DataType.Float64, (symbolic * 2).DataType);
        Assert.Equal(new Shape(64, 32), x.Reshape(Node.Concat(0, x.ShapeOf().Slice(0, 1, 2), x.ShapeOf().Slice(0, 0, 1))).Shape);
    }
}
