using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Gradients.Benchmarks.Ops;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Micro;

/// <summary>Small graphs under BenchmarkDotNet, with what they allocate: the kernels' own times where nothing else weighs.</summary>
[MemoryDiagnoser]
public class MicroBenchmarks
{
    /// <summary>The suite's name.</summary>
    public const string Name = "micro";

    private readonly Dictionary<string, GraphStep> _steps = [];

    /// <summary>The graph that is run.</summary>
    [Params("10-5-1 b1", "10-5-1 b32", "product 64", "a·b + c, 2k", "tanh, 2k", "softmax 4x512", "sum [256, 256] over 0")]
    public string Graph { get; set; } = "";

    /// <summary>Runs them and prints BenchmarkDotNet's table.</summary>
    /// <param name="wants">Whether the graph of a name is wanted.</param>
    public static void Run(Func<string, bool> wants)
    {
        var artifacts = Path.Combine(Path.GetTempPath(), "gradients-micro");
        var job = Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance);
        BenchmarkRunner.Run<MicroBenchmarks>(DefaultConfig.Instance.AddJob(job).AddFilter(new SimpleFilter(b => wants((string)b.Parameters[nameof(Graph)]))).WithArtifactsPath(artifacts));
    }

    /// <summary>Compiles the graph.</summary>
    [GlobalSetup]
    public void Compile() => _steps.Add(Graph, Graph switch
    {
        "10-5-1 b1" => new GraphStep(pool => Networks.Regression(pool, 1), 1, true),
        "10-5-1 b32" => new GraphStep(pool => Networks.Regression(pool, 32), 1, true),
        "product 64" => new GraphStep(pool => Networks.Product(pool, false, false, 64, 64, 64), 1, false),
        "a·b + c, 2k" => Single(b => b.Op("Add", b.Op("Mul", b.Input(2048), b.Input(2048)), b.Input(2048))),
        "tanh, 2k" => Single(b => b.Op("Tanh", b.Input(2048))),
        "softmax 4x512" => Single(b => b.Op("Softmax", b.Input(4, 512))),
        _ => Single(b => b.Op("ReduceSum", b.Input(256, 256), b.Integers(0))),
    });

    /// <summary>One run through the executor.</summary>
    [Benchmark]
    public void Run() => _steps[Graph].Run(1);

    /// <summary>Frees the graph.</summary>
    [GlobalCleanup]
    public void Free()
    {
        foreach (var step in _steps.Values)
            step.Dispose();
        _steps.Clear();
    }

    private static GraphStep Single(Func<NetworkBuilder, ulong> build) => new(
        pool =>
        {
            var b = new NetworkBuilder(pool);
            return b.Finish(build(b));
        },
        1,
        false);
}
