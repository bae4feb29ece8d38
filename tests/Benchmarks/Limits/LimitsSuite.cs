using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Gradients.Benchmarks.Products;

namespace Gradients.Benchmarks.Limits;

/// <summary>What one core of this machine does at best: float32 multiply-adds in registers, and bytes moved to and from each level of memory.</summary>
internal static unsafe class LimitsSuite
{
    public const string Name = "limits";

    private const int Turns = 21;
    private const double BytesPerTurn = 6e7;

    /// <summary>Bytes of all arrays of a loop together: within 32 KiB, within 1 MiB, and far beyond a core's share of any cache.</summary>
    private static readonly (string Level, long Bytes)[] Levels = [("L1", 24 << 10), ("L2", 512 << 10), ("DRAM", 384 << 20)];

    public static IReadOnlyList<Row> Run()
    {
        var rows = new List<Row>();
        FmaPeak.Measure();
        Add(rows, "multiply-add float32", Median(FmaPeak.Measure), "GFLOP/s");
        foreach (var (level, bytes) in Levels)
        {
            Add(rows, $"read {level}", Bandwidth(bytes, 1, &Read), "GB/s");
            Add(rows, $"copy {level}", Bandwidth(bytes, 2, &Copy), "GB/s");
            Add(rows, $"triad {level}", Bandwidth(bytes, 3, &Triad), "GB/s");
        }

        return rows;
    }

    /// <summary>Bytes named by the loop over time; what a cache reads before it writes a line does not count.</summary>
    private static double Bandwidth(long bytes, int arrays, delegate*<float*, long, void> loop)
    {
        var count = bytes / arrays / sizeof(float) / 64 * 64;
        var moved = count * sizeof(float) * arrays;
        var repeats = (int)Math.Max(1, BytesPerTurn / moved);
        var data = (float*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        new Span<byte>(data, (int)bytes).Clear();
        try
        {
            return Median(() =>
            {
                var began = ThreadClock.Microseconds;
                for (var i = 0; i < repeats; i++)
                    loop(data, count);
                return (double)moved * repeats / (ThreadClock.Microseconds - began) / 1e3;
            });
        }
        finally
        {
            NativeMemory.AlignedFree(data);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Read(float* x, long count)
    {
        Vector512<float> a = default, b = default, c = default, d = default;
        for (long i = 0; i < count; i += 64)
        {
            a += Vector512.Load(x + i);
            b += Vector512.Load(x + i + 16);
            c += Vector512.Load(x + i + 32);
            d += Vector512.Load(x + i + 48);
        }

        // The sum of zeros is stored so that the loads are not dead.
        x[0] = Vector512.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* x, long count)
    {
        for (long i = 0; i < count; i += 16)
            Vector512.Store(Vector512.Load(x + i), x + count + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Triad(float* x, long count)
    {
        var s = Vector512.Create(0.5f);
        for (long i = 0; i < count; i += 16)
            Vector512.Store(Vector512.Load(x + i) + (s * Vector512.Load(x + count + i)), x + (2 * count) + i);
    }

    private static double Median(Func<double> measure)
    {
        var values = new double[Turns];
        for (var turn = 0; turn < Turns; turn++)
            values[turn] = measure();
        Array.Sort(values);
        return values[Turns / 2];
    }

    private static void Add(List<Row> rows, string name, double value, string unit)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-22} {value,8:0.0} {unit}"));
        rows.Add(new Row(Name, name, 1, value, null, null, unit, null, null, null));
    }
}
