using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Ops;

internal sealed class ElementwiseSuite : ISuite
{
    /// <summary>Floats of an array: four of them fit L1, take half of an L2 of 1 MiB, fill it, and fit no cache.</summary>
    private static readonly (string Level, int Count)[] Sizes = [("2k", 2048), ("32k", 32_768), ("64k", 65_536), ("8M", 8_388_608)];

    private static readonly (string Name, int Arrays, Func<NetworkBuilder, int, ulong> Build)[] Chains =
    [
        ("a + b", 3, (b, n) => b.Op("Add", b.Input(n), b.Input(n))),
        ("a·b + c", 4, (b, n) => b.Op("Add", b.Op("Mul", b.Input(n), b.Input(n)), b.Input(n))),
        ("(a − b)²", 3, (b, n) => b.Op("Sub", b.Input(n), b.Input(n)) is var d ? b.Op("Mul", d, d) : 0),
        ("relu(x + row)", 2, (b, n) => b.Op("Relu", b.Op("Add", b.Input(n / 512, 512), b.Input(512)))),
        ("exp", 2, (b, n) => b.Op("Exp", b.Input(n))),
        ("sigmoid", 2, (b, n) => b.Op("Sigmoid", b.Input(n))),
        ("tanh", 2, (b, n) => b.Op("Tanh", b.Input(n))),
        ("gelu", 2, (b, n) => b.Op("Gelu", b.Input(n))),
        ("x·sigmoid(x)", 2, (b, n) => b.Input(n) is var x ? b.Op("Mul", x, b.Op("Sigmoid", x)) : 0),
        ("softmax of rows of 512", 2, (b, n) => b.Op("Softmax", b.Input(n / 512, 512))),
        ("layer normalization of rows of 512", 2, (b, n) => b.Op("LayerNormalization", b.Input(n / 512, 512), b.Parameter(1, 512), b.Parameter(1, 512))),
    ];

    public string Name => "elementwise";

    public string Summary => "Chains of float32 ops and row ops through the executor. Limit: a copy of as many bytes as their arrays have. At 2k, in the first level of cache, the tenth of a microsecond that a step costs is most of the time; arrays of 64k together fill the second level, which a copy of two does not. exp, sigmoid, tanh and gelu are bound by their arithmetic, row ops read their rows more than once.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var (level, count) in Sizes)
        {
            using var bandwidth = new Bandwidth(2 * sizeof(float) * (long)count);
            foreach (var (name, arrays, build) in Chains)
            {
                GraphRow.Add(settings, rows, Name, $"{name}, {level}", () => new GraphStep(Of, settings.Threads, withGradients: false), false, _ => new Limit(arrays * sizeof(float) * (double)count, bandwidth.Copy));

                Network Of(Engine.Tensors.BufferPool pool)
                {
                    var b = new NetworkBuilder(pool);
                    return b.Finish(build(b, count));
                }
            }
        }
    }
}
