namespace Gradients.Benchmarks.Limits;

internal sealed class LimitsSuite : ISuite
{
    private const int Turns = 21;

    /// <summary>Bytes of all arrays of a loop together: within 32 KiB, within 1 MiB, and far beyond a core's share of any cache.</summary>
    private static readonly (string Level, long Bytes)[] Levels = [("L1", 24 << 10), ("L2", 512 << 10), ("DRAM", 384 << 20)];

    public string Name => "limits";

    public string Summary => "What one core of this machine does at best: float32 multiply-adds that touch registers alone, and bytes read, copied and combined (x + s·y) at each level of memory; what is far is written past the caches where that is faster.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        FmaPeak.Measure();
        Add("multiply-add float32", FmaPeak.Measure, "GFLOP/s");
        foreach (var (level, bytes) in Levels)
        {
            using var bandwidth = new Bandwidth(bytes);
            Add($"read {level}", bandwidth.Read, "GB/s");
            Add($"copy {level}", bandwidth.Copy, "GB/s");
            Add($"triad {level}", bandwidth.Triad, "GB/s");
        }

        void Add(string name, Func<double> measure, string unit)
        {
            if (!rows.Wants(name))
                return;
            List<double> values = [.. Enumerable.Range(0, Turns).Select(_ => measure())];
            rows.Add(new Row(Name, name, 1, unit, Statistics.Median(values)) { P10 = Statistics.At(values, 0.1), P90 = Statistics.At(values, 0.9) });
        }
    }
}
