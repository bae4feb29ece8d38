using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Scaling;

internal sealed class ScalingSuite : ISuite
{
    private const int Width = 64;

    public string Name => "scaling";

    public string Summary => $"A chain of Mul, Add and Tanh over {Width} floats with its gradients: microseconds a node to compile it and to run it. Linear cost is the same figure in every row.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var nodes in settings.IsBrief ? [1000] : (int[])[1000, 10_000, 100_000, 1_000_000])
        {
            // The first compilation of a process pays for the just-in-time compiler.
            using (new GraphStep(pool => Networks.Chain(pool, Math.Min(nodes, 1000), Width), 1, withGradients: true))
            using (var step = new GraphStep(pool => Networks.Chain(pool, nodes, Width), settings.Threads, withGradients: true))
            {
                rows.Add(new Row(Name, $"compile {nodes} nodes", 1, "us/node", step.CompileTime.TotalMicroseconds / nodes));
                var row = GraphRow.Measure(settings, Name, $"run {nodes} nodes", step, true, null);
                rows.Add(row with { Unit = "us/node", Ours = row.Ours / nodes, P10 = row.P10 / nodes, P90 = row.P90 / nodes, Libtorch = row.Libtorch / nodes });
            }
        }
    }
}
