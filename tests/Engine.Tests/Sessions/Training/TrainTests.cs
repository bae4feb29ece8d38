using System.Text.Json;
using Gradients.Engine.Sessions;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Sessions.Training;

/// <summary>What a loop computes: against PyTorch, and bit by bit against the requests that it stands for.</summary>
public sealed class TrainTests
{
    public static TheoryData<string, Optimizer, long, EpochRemainder> References => new()
    {
        { "sgd", new Sgd(0.1), 1, EpochRemainder.Drop },
        { "momentum-micro", new Sgd(0.05, 0.9), 3, EpochRemainder.Drop },
        { "adam-remainder", new Adam(0.02), 2, EpochRemainder.Keep },
        { "adamw", new Adam(0.02, WeightDecay: 0.1, Decoupled: true), 1, EpochRemainder.Keep },
    };

    public static TheoryData<Optimizer, long, ulong?, EpochRemainder, bool> Loops => new()
    {
        { new Sgd(0.1), 1, null, EpochRemainder.Drop, false },
        { new Sgd(0.1, 0.9, Nesterov: true), 2, 7, EpochRemainder.Keep, true },
        { new Adam(0.05), 3, null, EpochRemainder.Keep, false },
        { new Adam(0.05, WeightDecay: 0.1, Decoupled: true), 1, ulong.MaxValue, EpochRemainder.Drop, true },
    };

    [Theory]
    [MemberData(nameof(References))]
    public async Task TheLoopIsPyTorchs(string name, Optimizer optimizer, long microBatches, EpochRemainder remainder)
    {
        using var stream = typeof(TrainTests).Assembly.GetManifestResourceStream("training_reference.json")!;
        using var json = JsonDocument.Parse(stream);
        var run = json.RootElement.GetProperty("runs").GetProperty(name);
        using var t = await new TrainFixture().SetUpAsync();
        using var share = t.Tensor([1.0 / microBatches]);
        var reports = new Reports();
        var result = await t.F.Session.TrainAsync(t.Request(optimizer, 12) with { MicroBatches = microBatches, Remainder = remainder, Roots = [new(t.Loss, share)], ReportEvery = 1, Observer = reports });
        Assert.Equal(12, result.Steps);
        Assert.Null(result.Stopped);
        var losses = run.GetProperty("losses").Deserialize<double[]>()!;
        Assert.Equal(12, losses.Length);
        for (var i = 0; i < 12; i++)
            Assert.Equal(losses[i], reports.All[i].Losses[0], 1e-12);
        var state = await t.StateAsync();
        foreach (var (i, expected) in run.GetProperty("parameters").Deserialize<double[][]>()!.Index())
        {
            for (var j = 0; j < expected.Length; j++)
                Assert.Equal(expected[j], state[i].Value[j], 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(Loops))]
    public async Task TheLoopHasTheBitsOfItsRequests(Optimizer optimizer, long microBatches, ulong? seed, EpochRemainder remainder, bool keepGradients)
    {
        const int Steps = 9;
        using var loop = await new TrainFixture().SetUpAsync();
        using var single = await new TrainFixture().SetUpAsync();
        foreach (var t in new[] { loop, single })
            await BackwardAsync(t, [0, 5]);
        if (!keepGradients)
            await single.F.Session.ZeroGradientsAsync(new ZeroGradientsRequest());
        var reports = new Reports();
        var result = await loop.F.Session.TrainAsync(loop.Request(optimizer, Steps) with { MicroBatches = microBatches, ShuffleSeed = seed, Remainder = remainder, KeepGradients = keepGradients, FirstStep = 2, ReportEvery = 2, Observer = reports });
        var losses = new List<double>();
        for (var step = 2; step < 2 + Steps; step++)
        {
            double sum = 0;
            for (var part = 0; part < microBatches; part++)
                sum += await BackwardAsync(single, RowsOf((step * microBatches) + part, seed, remainder));
            losses.Add(sum / microBatches);
            await single.F.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = optimizer, ZeroGradients = true });
        }

        Assert.Equal(Steps, result.Steps);
        Assert.Equal([4, 6, 8, 10], reports.All.Select(r => r.Step));
        foreach (var report in reports.All.Append(result.LastReport))
            Assert.Equal(losses[(int)report.Step - 3], report.Losses[0]);
        Assert.All(reports.All, r => Assert.Equal((losses[(int)r.Step - 4] + losses[(int)r.Step - 3]) / 2, r.MeanLosses[0], 1e-15));
        await AssertSameAsync(loop, single);

        // The optimizer's state is the same too: it shows in one more step.
        foreach (var t in new[] { loop, single })
        {
            await BackwardAsync(t, [1, 2, 3]);
            await t.F.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = optimizer, ZeroGradients = true });
        }

        await AssertSameAsync(loop, single);
        Assert.Equal(result.Versions.Select(v => v.Version + 1), (await loop.StateAsync()).Select(s => s.Version));
    }

    [Fact]
    public async Task ALoopInPartsIsTheLoopInOne()
    {
        using var whole = await new TrainFixture().SetUpAsync();
        using var parts = await new TrainFixture().SetUpAsync();
        TrainRequest Request(TrainFixture t, long first, long steps) => t.Request(new Adam(0.05), steps) with { FirstStep = first, MicroBatches = 2, ShuffleSeed = 3 };
        await whole.F.Session.TrainAsync(Request(whole, 0, 20));
        foreach (var (first, steps) in new[] { (0, 1), (1, 12), (13, 7) })
            Assert.Equal(first + steps, (await parts.F.Session.TrainAsync(Request(parts, first, steps))).LastReport.Step);
        await AssertSameAsync(whole, parts);
    }

    [Fact]
    public async Task AConstantFeedNeedsNoData()
    {
        // w ← w − 0.25 · 2 (w − 3) halves the distance to 3 exactly.
        using var f = new SessionFixture();
        var target = f.Graph.Input(DataType.Float32);
        var w = f.Graph.Variable(DataType.Float32);
        var error = f.Graph.Op("Sub", w, target);
        var loss = f.Graph.Op("Mul", error, error);
        await f.SetAsync(w, f.Scalar(7));
        using var three = f.Scalar(3);
        var result = await f.Session.TrainAsync(new TrainRequest { Feeds = new Dictionary<ulong, Tensor> { [target] = three }, Roots = [new(loss)], Optimizer = new Sgd(0.25), Steps = 10, ReportGradients = true });
        Assert.Equal<float[]>([3 + (4f / 1024)], await f.ValueAsync(w));
        Assert.Equal(Math.Pow(4.0 / 512, 2), result.LastReport.Losses[0]);
        Assert.Equal(new GradientNorm(w, false, 2 * 4.0 / 512, true), Assert.Single(result.LastReport.Gradients));
        Assert.Equal(new VariableVersion(w, 11), Assert.Single(result.Versions));
    }

    [Fact]
    public async Task AVariableThatNothingFlowsIntoIsNotStepped()
    {
        using var f = new SessionFixture();
        ulong w = f.Graph.Variable(DataType.Float32), v = f.Graph.Variable(DataType.Float32);
        await f.SetAsync((w, f.Scalar(1)), (v, f.Scalar(1)));
        var result = await f.Session.TrainAsync(new TrainRequest { Roots = [new(w)], Wrt = [v, w], Optimizer = new Sgd(0.5, WeightDecay: 0.1), Steps = 2, ReportGradients = true });
        Assert.Equal([new VariableVersion(w, 3)], result.Versions);
        Assert.Equal([(v, true), (w, false)], result.LastReport.Gradients.Select(g => (g.Variable, g.Absent)));
        Assert.Equal<float[]>([1f], await f.ValueAsync(v));
    }

    [Fact]
    public async Task TheNumberOfTheSliceIsTheStepOfRandomOps()
    {
        using var f = new SessionFixture();
        var number = f.Graph.Input(DataType.Int64);
        var w = f.Graph.Variable(DataType.Float32);
        var root = f.Graph.Op("Mul", w, f.Graph.Add("Cast", Engine.Graph.Attributes.Of(("to", DataType.Float32)), number));
        await f.SetAsync(w, f.Scalar(1));
        var reports = new Reports();
        await f.Session.TrainAsync(new TrainRequest { SliceInput = number, Roots = [new(root)], Optimizer = new Sgd(0), Steps = 3, FirstStep = 5, MicroBatches = 2, ReportEvery = 1, Observer = reports });
        Assert.Equal([10.5, 12.5, 14.5], reports.All.Select(r => r.Losses[0]));
    }

    private static int[] RowsOf(long slice, ulong? seed, EpochRemainder remainder)
    {
        var perEpoch = remainder == EpochRemainder.Keep ? 3 : 2;
        var order = seed is { } s ? RowOrderTests.Shuffled(TrainFixture.Rows, s, slice / perEpoch) : [.. Enumerable.Range(0, TrainFixture.Rows)];
        return [.. order.Skip((int)(slice % perEpoch) * 4).Take(4)];
    }

    private static async Task<double> BackwardAsync(TrainFixture t, int[] rows)
    {
        var feeds = t.Feeds(rows);
        using var result = await t.F.Session.BackwardAsync(new BackwardRequest { Feeds = feeds, Roots = [new(t.Loss)], Fetches = [t.Loss], Mode = GradientMode.Accumulate });
        foreach (var feed in feeds.Values)
            feed.Dispose();
        return result.Values[0].AsSpan<double>()[0];
    }

    private static async Task AssertSameAsync(TrainFixture one, TrainFixture other)
    {
        var (a, b) = (await one.StateAsync(), await other.StateAsync());
        for (var i = 0; i < a.Length; i++)
        {
            Assert.Equal(a[i].Value, b[i].Value);
            Assert.Equal(a[i].Version, b[i].Version);
            Assert.Equal(a[i].Gradient, b[i].Gradient);
        }
    }
}
