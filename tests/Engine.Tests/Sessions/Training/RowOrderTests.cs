using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions.Training;

/// <summary>Which rows the slices have: the row is the loss itself, so the reports tell it.</summary>
public sealed class RowOrderTests
{
    /// <summary>The order of the contract in integers of unlimited size.</summary>
    public static int[] Shuffled(int rows, ulong seed, long epoch)
    {
        var order = new int[rows];
        for (var i = 0; i < rows; i++)
        {
            var block = ScalarPhilox.Block(i, epoch, seed);
            var j = (int)(((block[0] + (block[1] << 32)) * (i + 1)) >> 64);
            order[i] = order[j];
            order[j] = i;
        }

        return order;
    }

    [Theory]
    [InlineData(1, 0UL)]
    [InlineData(2, 5UL)]
    [InlineData(130, 0UL)]
    [InlineData(5000, 0xFFFF_FFFF_0000_0001UL)]
    public async Task EpochsAreShuffledAsDocumented(int rows, ulong seed)
    {
        var seen = await RowsAsync(rows, request => request with { ShuffleSeed = seed, Steps = 3 * rows });
        for (var epoch = 0; epoch < 3; epoch++)
        {
            Assert.Equal(Shuffled(rows, seed, epoch), seen.Skip(epoch * rows).Take(rows));
            Assert.Equal(Enumerable.Range(0, rows), seen.Skip(epoch * rows).Take(rows).Order());
        }
    }

    [Fact]
    public async Task WithoutASeedRowsComeInOrder() =>
        Assert.Equal<int[]>([3, 4, 0, 1, 2, 3], await RowsAsync(5, request => request with { FirstStep = 3, Steps = 6 }));

    /// <summary>The example of docs/random-numbers.md.</summary>
    [Fact]
    public void TheDocumentedExampleHolds()
    {
        using var stream = typeof(RowOrderTests).Assembly.GetManifestResourceStream("random-numbers.md")!;
        using var reader = new StreamReader(stream);
        var document = reader.ReadToEnd();
        foreach (var epoch in new[] { 0, 1 })
            Assert.Contains($"epoch {epoch}: {string.Join(", ", Shuffled(8, 42, epoch))}", document);
    }

    [Theory]
    [InlineData(EpochRemainder.Drop, new[] { 3.0, 12, 3, 12 }, new[] { 0L, 0, 1, 1 })]
    [InlineData(EpochRemainder.Keep, new[] { 3.0, 12, 6, 3 }, new[] { 0L, 0, 0, 1 })]
    public async Task TheRemainderIsDroppedOrASlice(EpochRemainder remainder, double[] sums, long[] epochs)
    {
        // Rows 0 to 6 in slices of 3: 0+1+2, 3+4+5 and, kept, 6.
        var reports = await TrainAsync(7, request => request with { BatchSize = 3, Remainder = remainder, Steps = 4 });
        Assert.Equal(sums, reports.Select(r => r.Losses[0]));
        Assert.Equal(epochs, reports.Select(r => r.Epoch));
    }

    private static async Task<int[]> RowsAsync(int rows, Func<TrainRequest, TrainRequest> change) =>
        [.. (await TrainAsync(rows, change)).Select(r => (int)r.Losses[0])];

    /// <summary>Trains with the rows 0, 1, 2, …; the loss is the sum of a slice.</summary>
    private static async Task<List<TrainReport>> TrainAsync(int rows, Func<TrainRequest, TrainRequest> change)
    {
        using var f = new SessionFixture();
        var x = f.Graph.Input(DataType.Float32, "batch");
        var w = f.Graph.Variable(DataType.Float32);
        var sum = f.Graph.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), f.Graph.Op("Mul", x, w));
        await f.SetAsync(w, f.Scalar(1));
        using var data = f.Tensor([.. Enumerable.Range(0, rows).Select(i => (float)i)]);
        var reports = new Reports();
        await f.Session.TrainAsync(change(new TrainRequest { Data = new Dictionary<ulong, Tensor> { [x] = data }, BatchSize = 1, Roots = [new(sum)], Optimizer = new Sgd(0), Steps = rows, ReportEvery = 1, Observer = reports }));
        return reports.All;
    }
}
