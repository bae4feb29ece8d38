namespace Gradients.Client.Tests;

/// <summary>The tutorial's numbers as they truly are: x = [1, 2, 3], w = 2, b = 1, y = [6, 9, 12].</summary>
public sealed class TutorialTests(TestServer server) : IClassFixture<TestServer>
{
    private static readonly float[] X = [1, 2, 3];
    private static readonly float[] Y = [6, 9, 12];

    [Fact]
    public async Task LinearRegressionHasTheKnownGradients()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Input<float>("x", 3);
        var y = session.Input<float>("y", 3);
        var w = session.Variable("w", 2f);
        var b = session.Variable("b", 1f);
        var loss = ((w * x) + b - y).Pow(2).Mean();

        var gradients = await session.BackwardAsync(loss, [w, b, x], new Feeds { [x] = X, [y] = Y }, fetch: [loss], options: new RequestOptions { Profile = true });

        Assert.Equal(16.6667, gradients.Value(loss).ToDouble(), 4);
        Assert.Equal(-17.3333, gradients[w].ToDouble(), 4);
        Assert.Equal(-8.0, gradients[b].ToDouble(), 4);
        var dx = gradients.Get<float>(x);
        Assert.Equal(-4.0, dx[0], 4);
        Assert.Equal(-5.3333, dx[1], 4);
        Assert.Equal(-6.6667, dx[2], 4);
        Assert.Matches("^[0-9a-f]{32}$", gradients.TraceId);
        Assert.NotEmpty(gradients.Profile!.Instructions);
    }

    [Fact]
    public async Task AStandAloneGraphGivesTheSameInOneRoundTrip()
    {
        var graph = new Graph();
        var x = graph.Input<double>("x", "n");
        var y = graph.Input<double>("y", "n");
        var w = graph.Variable("w", 2.0);
        var b = graph.Variable("b", 1.0);
        var loss = ((w * x) + b - y).Pow(2).Mean();

        var result = await server.Client.EvaluateAsync(graph, [loss], [loss], [w, b], new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } });

        Assert.Equal(50.0 / 3, result.Value(loss).Item<double>(), 12);
        Assert.Equal(-52.0 / 3, result[w].Item<double>(), 12);
        Assert.Equal(-8.0, result[b].Item<double>(), 12);
    }

    [Fact]
    public async Task TheManualUpdateMovesVariablesWithoutTracking()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Input<float>("x", 3);
        var y = session.Input<float>("y", 3);
        var w = session.Variable("w", 2f);
        var b = session.Variable("b", 1f);
        var loss = ((w * x) + b).MeanSquaredError(y);
        var feeds = new Feeds { [x] = X, [y] = Y };
        var gradient = session.Gradient([loss], [w, b]);

        var versions = await session.AssignAsync([(w, w - (gradient[0] * 0.01)), (b, b - (gradient[1] * 0.01))], feeds);

        Assert.Equal([2UL, 2UL], versions);
        Assert.Equal(2.173333, (await session.GetAsync(w)).ToDouble(), 5);
        Assert.Equal(1.08, (await session.GetAsync(b)).ToDouble(), 5);
        Assert.Null(await session.GetGradientAsync(w));
    }

    [Fact]
    public async Task GradientsAccumulateUntilTheyAreZeroed()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", [1f, 2f]);
        var loss = (w * w).Sum();

        await session.BackwardAsync(loss, mode: GradientMode.Accumulate);
        var second = await session.BackwardAsync(loss, mode: GradientMode.Both);

        Assert.Equal([2f, 4f], second[w].ToArray<float>());
        Assert.Equal(new[] { 4f, 8f }, (await session.GetGradientAsync(w))!.ToArray<float>());
        await session.ApplyGradientsAsync(new Sgd { LearningRate = 0.25 });
        Assert.Equal(new[] { 0f, 0f }, (await session.GetAsync(w)).ToArray<float>());
        await session.ZeroGradientsAsync(keepZeros: true);
        Assert.Equal(new[] { 0f, 0f }, (await session.GetGradientAsync(w))!.ToArray<float>());
        await session.ZeroGradientsAsync();
        Assert.Null(await session.GetGradientAsync(w));
    }

    [Fact]
    public async Task WithGradientsOffNothingIsHeld()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var y = session.Variable("w", new float[1000]).Exp().Tanh().Sum();
        using var off = await session.ForwardAsync([y]);
        using var on = await session.ForwardAsync([y], gradients: true);
        Assert.Equal(0UL, off.HeldBytes);
        Assert.True(on.HeldBytes >= 4000, $"{on.HeldBytes} bytes are held");
        await on.BackwardAsync(y);
        Assert.Equal(0UL, on.HeldBytes);
    }

    [Fact]
    public async Task ARunIsConsumedUnlessItIsRetained()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", [3f]);
        var square = w * w;
        using var run = await session.ForwardAsync([square], gradients: true);
        await session.SetAsync(w, new[] { 100f });

        Assert.Equal(9f, run[square].Item<float>());
        Root root = new(square, new[] { 1f });
        Assert.Equal(6f, (await run.BackwardAsync([root], retain: true))[w].Item<float>());
        Assert.Equal(6f, (await run.BackwardAsync([root]))[w].Item<float>());
        var error = await Assert.ThrowsAsync<GradientsClientException>(() => run.BackwardAsync([root]));
        Assert.Equal("RUN_RELEASED", error.Reason);
    }
}
