using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Ops;

internal sealed class ElementwiseSuite : ISuite
{
    /// <summary>Floats of an array: four of them fit L1, take half of an L2 of 1 MiB, fill it, and fit no cache.</summary>
    private static readonly (string Level, int Count)[] Sizes = [("2k", 2048), ("32k", 32_768), ("64k", 65_536), ("8M", 8_388_608)];

    /// <summary>Elements of a row, in arrays that have as many.</summary>
    private const int Width = 512;

    /// <summary>IsBound: memory alone bounds it, not arithmetic.</summary>
    private static readonly (string Name, int Arrays, bool IsBound, Func<NetworkBuilder, int, ulong> Build)[] Chains =
    [
        ("a + b", 3, true, (b, n) => b.Op("Add", b.Input(n), b.Input(n))),
        ("a·b + c", 4, true, (b, n) => b.Op("Add", b.Op("Mul", b.Input(n), b.Input(n)), b.Input(n))),
        ("(a − b)²", 3, true, (b, n) => b.Op("Sub", b.Input(n), b.Input(n)) is var d ? b.Op("Mul", d, d) : 0),
        ("relu(x + row)", 2, true, (b, n) => b.Op("Relu", b.Op("Add", b.Input(Rows(n), n / Rows(n)), b.Input(n / Rows(n))))),
        ("exp", 2, false, (b, n) => b.Op("Exp", b.Input(n))),
        ("sigmoid", 2, false, (b, n) => b.Op("Sigmoid", b.Input(n))),
        ("tanh", 2, false, (b, n) => b.Op("Tanh", b.Input(n))),
        ("gelu", 2, false, (b, n) => b.Op("Gelu", b.Input(n))),
        ("x·sigmoid(x)", 2, false, (b, n) => b.Input(n) is var x ? b.Op("Mul", x, b.Op("Sigmoid", x)) : 0),
        ("softmax of rows of 512", 2, false, (b, n) => b.Op("Softmax", b.Input(n / Width, Width))),
        ("layer normalization of rows of 512", 2, false, (b, n) => b.Op("LayerNormalization", b.Input(n / Width, Width), b.Parameter(1, Width), b.Parameter(1, Width))),
    ];

    public string Name => "elementwise";

    public string Summary => "Chains of float32 ops and row ops through the executor. Limit: a copy of as many bytes as their arrays have. Beside the chains that memory bounds: the same chain over one element, which is what any step costs, and a bare loop over as many arrays of that size; the two together are their limit. exp, sigmoid, tanh and gelu are bound by their arithmetic, row ops read their rows more than once. libtorch allocates the results of every step; the pages of large ones are mapped anew each time, which is part of its time.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var (level, count) in Sizes)
        {
            using var bandwidth = new Bandwidth(2 * sizeof(float) * (long)count);
            foreach (var (name, arrays, isBound, build) in Chains)
            {
                if (!rows.Wants($"{name}, {level}"))
                    continue;
                using var least = isBound && settings.Threads == 1 ? Step(1) : null;
                using var loop = isBound && settings.Threads == 1 ? new Bandwidth(arrays * sizeof(float) * (long)count) : null;
                Dictionary<string, Action<int>> floor = least is null || loop is null ? [] : new() { ["step of one element"] = least.Run, ["bare loop"] = times => loop.Pass(arrays, times) };
                GraphRow.Add(settings, rows, Name, $"{name}, {level}", () => Step(count), false, _ => new Limit(arrays * sizeof(float) * (double)count, bandwidth.Copy), floor);

                GraphStep Step(int elements) => new(pool => Of(pool, elements), settings.Threads, withGradients: false);

                Network Of(Engine.Tensors.BufferPool pool, int elements)
                {
                    var b = new NetworkBuilder(pool);
                    return b.Finish(build(b, elements));
                }
            }
        }
    }

    private static int Rows(int elements) => Math.Max(1, elements / Width);
}
