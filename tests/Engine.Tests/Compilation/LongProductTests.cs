using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>Batches of products that come in rounds, with a chain behind them, against scalar C#.</summary>
public sealed class LongProductTests : IDisposable
{
    private const int Batch = 2, Rows = 48, Columns = 100, Depth = 30_000;

    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    [Fact]
    public void RoundsOfABatchRunSideBySide()
    {
        float[] a = Values(Batch * Rows * Depth, 1), b = Values(Batch * Depth * Columns, 2);
        ulong left = _r.Feed(new Shape(Batch, Rows, Depth), a), right = _r.Feed(new Shape(Batch, Depth, Columns), b);
        var request = _r.Request([_r.Specs.Op("Relu", _r.Specs.Op("MatMul", left, right))]);
        var program = _r.Compile(request);
        var kernel = Assert.Single(program.Forward.Instructions).Kernel;
        Assert.True(kernel.StageCount > 1);
        Assert.Equal(0, kernel.SharedBytes);
        Assert.All(Enumerable.Range(0, kernel.StageCount), stage => Assert.Equal(kernel.UnitCount * (stage + 1) / kernel.StageCount, kernel.StageEnd(stage)));
        Assert.Equal(0, kernel.UnitCount / kernel.StageCount % Batch);

        var actual = _r.Run(request, program)[0]!.As<float>();
        var sums = new double[Columns];
        for (var i = 0; i < Batch * Rows; i++)
        {
            Array.Clear(sums);
            for (var p = 0; p < Depth; p++)
            {
                var x = a[(i * Depth) + p];
                var row = ((i / Rows * Depth) + p) * Columns;
                for (var j = 0; j < Columns; j++)
                    sums[j] += (double)x * b[row + j];
            }

            for (var j = 0; j < Columns; j++)
                Assert.InRange(actual[(i * Columns) + j] - Math.Max(0, sums[j]), -2e-3, 2e-3);
        }
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
