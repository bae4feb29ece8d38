using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;

namespace Gradients.Benchmarks.Products;

/// <summary>
/// float32 matrix products on one thread, beside OpenBLAS and the peak of the core. The three take turns, so that what slows the
/// machine slows all; results are compared before anything is timed.
/// </summary>
internal static unsafe class GemmSuite
{
    public const string Name = "gemm";

    private const int Turns = 31;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.3);
    private const double FlopsPerTurn = 4e7;

    private static readonly (int M, int N, int K)[] Shapes =
    [
        (64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048),
        (128, 512, 784), (784, 512, 128), (32, 512, 784), (4, 512, 784), (1, 512, 784), (128, 10, 256), (33, 33, 33), (16, 16, 16),
    ];

    /// <param name="isBrief">Only the row that is judged.</param>
    public static (IReadOnlyList<Row> Rows, double JudgedFraction) Run(bool isBrief)
    {
        Console.WriteLine($"BLAS     {OpenBlas.Version ?? "OpenBLAS cannot be loaded: no libopenblas.so.0"}");
        Console.WriteLine("product              ours GF/s  OpenBLAS  ratio  peak GF/s  of peak");
        var rows = new List<Row>();
        double judged = 0;
        foreach (var (m, n, k) in isBrief ? [(512, 512, 512)] : Shapes)
        {
            foreach (var layout in isBrief ? ["NN"] : (string[])["NN", "NT", "TN"])
            {
                var (ours, blas, peak) = Compare(layout, m, n, k);
                var name = $"{m}x{n}x{k} {layout}";
                var flops = 2.0 * m * n * k;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-20} {flops / ours / 1e3,9:0.0}  {(blas is { } b ? $"{flops / b / 1e3,8:0.0}  {ours / b,5:0.00}" : "       –      –")}  {peak,9:0.0}  {flops / ours / 1e3 / peak,7:0.00}"));
                rows.Add(new Row(Name, name, 1, ours, blas, OpenBlas.Version, "us", blas is null ? null : ours / blas, flops / ours / 1e3 / peak, null));
                judged = (m, layout) == (512, "NN") ? flops / ours / 1e3 / peak : judged;
            }
        }

        return (rows, judged);
    }

    /// <summary>Median microseconds of a product, ours and OpenBLAS's, and the median peak.</summary>
    private static (double Ours, double? Blas, double Peak) Compare(string layout, int m, int n, int k)
    {
        using var a = new Block(m * k, 1);
        using var b = new Block(k * n, 2);
        using var c = new Block(m * n, 3);
        using var reference = new Block(m * n, 4);
        using var workspace = new Block((int)(Gemm.WorkspaceBytes<float>(m, n, k) / sizeof(float)) + 16, 5);
        var left = layout[0] == 'N' ? new Matrix<float>(a.Pointer, k, 1) : new Matrix<float>(a.Pointer, 1, m);
        var right = layout[1] == 'N' ? new Matrix<float>(b.Pointer, n, 1) : new Matrix<float>(b.Pointer, 1, k);
        var units = Gemm.UnitCount(m, n, k);
        var repeats = (int)Math.Clamp(FlopsPerTurn / (2.0 * m * n * k), 1, 100_000);
        var hasBlas = OpenBlas.Version is not null;
        Ours();
        if (hasBlas)
        {
            OpenBlas.Multiply(layout[0] == 'T', layout[1] == 'T', m, n, k, a.Pointer, b.Pointer, reference.Pointer);
            for (var i = 0; i < m * n; i++)
            {
                if (!(Math.Abs(c.Pointer[i] - reference.Pointer[i]) <= 1e-5f * k))
                    throw new InvalidOperationException($"{layout} {m}x{n}x{k}: element {i} is {c.Pointer[i]}, OpenBLAS has {reference.Pointer[i]}.");
            }
        }

        // The warm-up outlasts the tiers of the just-in-time compiler.
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < WarmUp;)
            Time(Ours);
        double[] ours = new double[Turns], blas = new double[Turns], peaks = new double[Turns];
        for (var turn = 0; turn < Turns; turn++)
        {
            ours[turn] = Time(Ours);
            if (hasBlas)
                blas[turn] = Time(() => OpenBlas.Multiply(layout[0] == 'T', layout[1] == 'T', m, n, k, a.Pointer, b.Pointer, reference.Pointer));
            peaks[turn] = FmaPeak.Measure();
        }

        return (Median(ours), hasBlas ? Median(blas) : null, Median(peaks));

        void Ours()
        {
            for (var unit = 0; unit < units; unit++)
                Gemm.Run(left, right, c.Pointer, n, m, n, k, workspace.Pointer, unit);
        }

        double Time(Action product)
        {
            var began = ThreadClock.Microseconds;
            for (var i = 0; i < repeats; i++)
                product();
            return (ThreadClock.Microseconds - began) / repeats;
        }
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    /// <summary>Native memory with numbers from a seed, within ±1.</summary>
    private sealed class Block : IDisposable
    {
        public Block(int count, int seed)
        {
            Pointer = (float*)NativeMemory.AlignedAlloc((nuint)((count * sizeof(float)) + 64), 64);
            var random = new Random(seed);
            for (var i = 0; i < count; i++)
                Pointer[i] = (2 * random.NextSingle()) - 1;
        }

        public float* Pointer { get; }

        public void Dispose() => NativeMemory.AlignedFree(Pointer);
    }
}
