using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Ops;

internal sealed class ReduceSuite : ISuite
{
    private static readonly (string Op, long[] Shape, long[] Axes)[] Reductions =
    [
        ("ReduceSum", [65_536], [0]),
        ("ReduceSum", [256, 256], [1]),
        ("ReduceSum", [256, 256], [0]),
        ("ReduceSum", [16, 64, 64], [1]),
        ("ReduceSum", [8192, 8], [1]),
        ("ReduceMax", [256, 256], [1]),
        ("ReduceMax", [256, 256], [0]),
        ("ReduceMean", [256, 256], [0]),
        ("ReduceLogSumExp", [256, 256], [1]),
        ("ReduceSum", [8_388_608], [0]),
        ("ReduceSum", [4096, 2048], [1]),
        ("ReduceSum", [4096, 2048], [0]),
        ("ReduceSum", [64, 512, 256], [1]),
    ];

    public string Name => "reduce";

    public string Summary => "Reductions of float32 tensors over axes, and Gather with its scatter-add. Limit of a reduction: reading its input once; sums and means are made in float64, so theirs widens what it reads (libtorch adds in float32); of the others: a copy.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var (op, shape, axes) in Reductions)
        {
            var bytes = sizeof(float) * shape.Aggregate(1L, (a, b) => a * b);
            using var bandwidth = new Bandwidth(bytes);
            GraphRow.Add(settings, rows, Name, $"{op} [{string.Join(", ", shape)}] over {string.Join(", ", axes)}", () => new GraphStep(pool => Reduction(pool, op, shape, axes), settings.Threads, withGradients: false), false, _ => new Limit(bytes, op is "ReduceSum" or "ReduceMean" ? bandwidth.ReadWidened : bandwidth.Read));
        }

        using var copy = new Bandwidth(2L * Picks * Width * sizeof(float));
        foreach (var withGradients in (bool[])[false, true])
        {
            var name = withGradients ? "Gather and scatter-add" : "Gather";
            GraphRow.Add(settings, rows, Name, $"{name} {Picks} rows of {Width}", () => new GraphStep(Picked, settings.Threads, withGradients), withGradients, _ => new Limit((withGradients ? 4.0 : 2.0) * Picks * Width * sizeof(float), copy.Copy));

            Network Picked(BufferPool pool)
            {
                var b = new NetworkBuilder(pool);
                var random = new Random(3);
                var rowsPicked = b.Integers([.. Enumerable.Range(0, Picks).Select(_ => (long)random.Next(Picks))]);
                var picked = b.Op("Gather", [("axis", 0L)], b.Parameter(1, Picks, Width), rowsPicked);
                return withGradients ? b.Weigh(picked, Picks, Width) : b.Finish(picked);
            }
        }
    }

    private const int Picks = 4096;
    private const int Width = 64;

    private static Network Reduction(BufferPool pool, string op, long[] shape, long[] axes)
    {
        var b = new NetworkBuilder(pool);
        return b.Finish(b.Op(op, [("keepdims", 0L)], b.Input(shape), b.Integers(axes)));
    }
}
