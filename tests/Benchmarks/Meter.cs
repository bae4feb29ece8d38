using System.Diagnostics;

namespace Gradients.Benchmarks;

/// <summary>
/// Times steps and counts what they allocate. A sample is as many steps as take about ten microseconds, so that reading the
/// clock does not count; the percentiles are over samples.
/// </summary>
internal sealed class Meter(TimeSpan warmUp, TimeSpan duration)
{
    private const double SampleMicroseconds = 10;
    private const int Windows = 5;
    private const int MaxSamples = 200_000;

    /// <summary>The warm-up outlasts the tiers of the just-in-time compiler.</summary>
    public static readonly Meter Full = new(TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(1.5));

    /// <summary>Enough to count allocations.</summary>
    public static readonly Meter Brief = new(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(0.1));

    private readonly double[] _samples = new double[MaxSamples];

    public async Task<Cost> Measure(IStep step)
    {
        var perSample = await WarmUp(step);
        var count = 0;
        for (var began = Stopwatch.GetTimestamp(); count < MaxSamples && Stopwatch.GetElapsedTime(began) < duration; count++)
        {
            var start = Stopwatch.GetTimestamp();
            await step.RunAsync(perSample);
            _samples[count] = Stopwatch.GetElapsedTime(start).TotalMicroseconds / perSample;
        }

        Array.Sort(_samples, 0, count);
        return new Cost(Percentile(count, 0.5), Percentile(count, 0.1), Percentile(count, 0.9), await CountAllocated(step, Math.Max(200, 20 * perSample)));
    }

    /// <summary>Returns how many steps make a sample.</summary>
    private async Task<int> WarmUp(IStep step)
    {
        var began = Stopwatch.GetTimestamp();
        var perSample = 1;
        while (Stopwatch.GetElapsedTime(began) < warmUp)
        {
            var start = Stopwatch.GetTimestamp();
            await step.RunAsync(perSample);
            var microseconds = Math.Max(0.01, Stopwatch.GetElapsedTime(start).TotalMicroseconds / perSample);
            perSample = (int)Math.Clamp(SampleMicroseconds / microseconds, 1, 1000);
        }

        return perSample;
    }

    /// <summary>
    /// The least of several windows: what a step allocates is in each of them, what the runtime does now and then (changing
    /// tiers, starting a thread) is not.
    /// </summary>
    private static async Task<double> CountAllocated(IStep step, int steps)
    {
        var least = double.MaxValue;
        for (var window = 0; window < Windows; window++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await step.RunAsync(steps);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)steps);
        }

        return least;
    }

    private double Percentile(int count, double part) => _samples[(int)(part * (count - 1))];
}
