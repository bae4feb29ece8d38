namespace Gradients.Client.Tests;

/// <summary>Loops by the SDK: w of Σ w·x with rows x = [5, 7] and [1, 1], SGD of rate 1, one row a step.</summary>
public sealed class TrainingTests(TestServer server) : IClassFixture<TestServer>
{
    private const long Endless = 1L << 50;

    private static readonly Sgd Optimizer = new() { LearningRate = 1 };

    [Fact]
    public async Task ProgressComesWhileItTrainsAndOnceMoreAtTheEnd()
    {
        await using var model = await Model.CreateAsync(server.Client);
        var progress = await model.TrainAsync(5, new TrainOptions { BatchSize = 1, ReportEvery = 2, ReportGradients = true }).ToListAsync();
        Assert.Equal([(2L, false), (4, false), (5, true)], progress.Select(p => (p.Step, p.IsLast)));
        Assert.Equal((-7.0, 12.0, 0L), (progress[0].Loss, progress[0].MeanLoss, progress[0].Epoch));
        Assert.Equal(Math.Sqrt(74), progress[2].GradientNorm(model.W)!.Value, 1e-14);
        Assert.Equal(After(5), (await model.Session.GetAsync(model.W)).ToArray<double>());
    }

    [Fact]
    public async Task LargeDataTravelsOnceAndIsGivenBack()
    {
        await using var model = await Model.CreateAsync(server.Client);
        var data = TensorData.Of(Enumerable.Repeat(1.0, 2 << 18).ToArray(), 1 << 18, 2);
        var last = await model.Session.TrainAsync(model.Loss, Optimizer, 3, new Feeds { [model.X] = data }, new TrainOptions { BatchSize = 1 << 10 }).SingleAsync();
        Assert.Equal(3, last.Step);
        Assert.Equal<double[]>([2 - (3 << 10), 3 - (3 << 10)], (await model.Session.GetAsync(model.W)).ToArray<double>());
        await model.Session.FlushAsync();
        Assert.True((await model.Session.GetInfoAsync()).HeldBytes < 1000);
    }

    [Fact]
    public async Task ATokenStopsTheLoopBehindItsLastProgress()
    {
        await using var model = await Model.CreateAsync(server.Client);
        using var source = new CancellationTokenSource();
        TrainProgress? last = null;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var progress in model.TrainAsync(Endless, new TrainOptions { BatchSize = 1, ReportEvery = 1 }, source.Token))
            {
                last = progress;
                await source.CancelAsync();
            }
        });
        Assert.True(last!.IsLast);
        Assert.Equal(After(last.Step), (await model.Session.GetAsync(model.W)).ToArray<double>());

        // It goes on from there.
        await model.TrainAsync(2, new TrainOptions { BatchSize = 1, FirstStep = last.Step }).SingleAsync();
        Assert.Equal(After(last.Step + 2), (await model.Session.GetAsync(model.W)).ToArray<double>());
    }

    [Fact]
    public async Task LeavingTheEnumerationStopsTheLoop()
    {
        await using var model = await Model.CreateAsync(server.Client);
        await foreach (var _ in model.TrainAsync(Endless, new TrainOptions { BatchSize = 1, ReportEvery = 1 }))
            break;
        var w = (await model.Session.GetAsync(model.W)).ToArray<double>();
        Assert.True(w[0] < 2);
    }

    [Fact]
    public async Task AnErrorIsRaisedBehindTheStepsThatWereApplied()
    {
        await using var model = await Model.CreateAsync(server.Client);
        long steps = 0;
        var error = await Assert.ThrowsAsync<GradientsClientException>(async () =>
        {
            await foreach (var progress in model.Session.TrainAsync(model.Loss, Optimizer, 4, new Feeds { [model.X] = TensorData.Of(new[] { 5, 7, 1, 1, double.NaN, 0 }, 3, 2) }, new TrainOptions { BatchSize = 1, CheckFinite = true }))
                steps = progress.Step;
        });
        Assert.Equal("NON_FINITE_VALUE", error.Reason);
        Assert.Equal(2, steps);
        Assert.Equal(After(2), (await model.Session.GetAsync(model.W)).ToArray<double>());
        var refused = await Assert.ThrowsAsync<GradientsClientException>(async () => await model.TrainAsync(1, new TrainOptions { BatchSize = 3 }).ToListAsync());
        Assert.Equal("INVALID_FIELD", refused.Reason);
    }

    [Fact]
    public async Task ALoopGoesOnOverANewConnectionWithNoStepTwice()
    {
        await using var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        await using var model = await Model.CreateAsync(client);
        const int Steps = 300_000;
        var cuts = 0;
        TrainProgress? last = null;
        await foreach (var progress in model.TrainAsync(Steps, new TrainOptions { BatchSize = 1, ReportEvery = 1 }))
        {
            last = progress;
            if (cuts < 3 && progress.Step > cuts * 10 && !progress.IsLast)
            {
                cuts++;
                proxy.Cut();
            }
        }

        Assert.Equal(3, cuts);
        Assert.Equal((Steps, true), (last!.Step, last.IsLast));
        Assert.Equal(After(Steps), (await model.Session.GetAsync(model.W)).ToArray<double>());
    }

    /// <summary>w after so many steps: whole numbers, exact in any order.</summary>
    private static double[] After(long steps)
    {
        long even = (steps + 1) / 2, odd = steps / 2;
        return [2 - (5 * even) - odd, 3 - (7 * even) - odd];
    }

    private sealed class Model : IAsyncDisposable
    {
        private Model(Session session)
        {
            Session = session;
            X = session.Input<double>("x", "batch", 2);
            W = session.Variable("w", new double[] { 2, 3 });
            Loss = (W * X).Sum();
        }

        public Session Session { get; }

        public Node X { get; }

        public Variable W { get; }

        public Node Loss { get; }

        public static async Task<Model> CreateAsync(GradientsClient client) => new(await client.CreateSessionAsync());

        public IAsyncEnumerable<TrainProgress> TrainAsync(long steps, TrainOptions options, CancellationToken cancellation = default) =>
            Session.TrainAsync(Loss, Optimizer, steps, new Feeds { [X] = TensorData.Of(new double[] { 5, 7, 1, 1 }, 2, 2) }, options, cancellation);

        public ValueTask DisposeAsync() => Session.DisposeAsync();
    }
}
