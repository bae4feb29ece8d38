using System.Diagnostics;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Scaling;

internal sealed class ScalingSuite : ISuite
{
    private const int Width = 64;

    /// <summary>A longer chain takes the peer half a minute a step.</summary>
    private const int MostBesidePeer = 100_000;

    public string Name => "scaling";

    public string Summary => $"A chain of Mul, Add and Tanh over {Width} floats with its gradients: microseconds a node to compile it and to run it. Linear cost is the same figure in every row.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var nodes in settings.IsBrief ? [1000] : (int[])[1000, 10_000, 100_000, 1_000_000])
        {
            var (compile, run) = ($"compile {nodes} nodes", $"run {nodes} nodes");
            if (!rows.Wants(compile) && !rows.Wants(run))
                continue;
            WarmUp(settings.IsBrief);
            using var step = new GraphStep(pool => Networks.Chain(pool, nodes, Width), settings.Threads, withGradients: true);
            if (rows.Wants(compile))
                rows.Add(new Row(Name, compile, 1, "us/node", step.CompileTime.TotalMicroseconds / nodes));
            if (!rows.Wants(run))
                continue;
            var beside = settings with { Peer = nodes > MostBesidePeer ? null : settings.Peer };
            var row = GraphRow.Measure(beside, Name, run, step, true, null);
            rows.Add(row with { Unit = "us/node", Ours = row.Ours / nodes, P10 = row.P10 / nodes, P90 = row.P90 / nodes, Libtorch = row.Libtorch / nodes });
        }
    }

    /// <summary>The first compilations of a process pay for the just-in-time compiler and its tiers.</summary>
    private static void WarmUp(bool isBrief)
    {
        var time = TimeSpan.FromSeconds(isBrief ? 0.1 : 2);
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time;)
            new GraphStep(pool => Networks.Chain(pool, 1000, Width), 1, withGradients: true).Dispose();
    }
}
