using System.Diagnostics;
using Gradients.Benchmarks.Products;

namespace Gradients.Benchmarks.Peers;

/// <summary>
/// Times a step beside a peer's and the peak of the core, in turns, so that what slows the machine slows all. On one thread the
/// processor time of that thread counts, on more the time that passes.
/// </summary>
internal sealed class Comparison(Meter meter, TimeSpan duration)
{
    private const int MinTurns = 7;
    private const int MaxTurns = 301;
    private const double TurnMicroseconds = 2000;

    /// <param name="difference">Of the results of both; the peer is not timed when they disagree.</param>
    public async Task<Measurement> Measure(string name, int threads, IStep ours, IPeerStep? peer, double difference)
    {
        if (!(difference <= Agreement.Tolerance))
            return new Measurement(name, threads, await meter.Measure(ours), ours.Flops, MustNotAllocate: true) { Disagreement = difference };
        var cost = await meter.Measure(ours);
        if (peer is null || threads > 1)
            return new Measurement(name, threads, cost, ours.Flops, MustNotAllocate: true);

        var repeats = (int)Math.Clamp(TurnMicroseconds / cost.Median, 1, 10_000);
        var began = Stopwatch.GetTimestamp();
        var peerRepeats = 1;
        do
            peerRepeats = (int)Math.Clamp(TurnMicroseconds / Time(() => peer.Run(1)), 1, 10_000);
        while (Stopwatch.GetElapsedTime(began) < duration);

        var (mine, theirs, peaks) = (new List<double>(), new List<double>(), new List<double>());
        for (began = Stopwatch.GetTimestamp(); mine.Count < MinTurns || (mine.Count < MaxTurns && Stopwatch.GetElapsedTime(began) < 3 * duration);)
        {
            mine.Add(Time(() => ours.RunAsync(repeats).AsTask().Wait()) / repeats);
            theirs.Add(Time(() => peer.Run(peerRepeats)) / peerRepeats);
            peaks.Add(FmaPeak.Measure());
        }

        mine.Sort();
        theirs.Sort();
        peaks.Sort();
        return new Measurement(name, threads, cost with { Median = At(mine, 0.5), P10 = At(mine, 0.1), P90 = At(mine, 0.9) }, ours.Flops, MustNotAllocate: true)
        {
            Peer = At(theirs, 0.5),
            PeakFraction = ours.Flops / At(mine, 0.5) / 1e3 / At(peaks, 0.5),
        };
    }

    private static double At(List<double> sorted, double part) => sorted[(int)(part * (sorted.Count - 1))];

    private static double Time(Action action)
    {
        var began = ThreadClock.Microseconds;
        action();
        return ThreadClock.Microseconds - began;
    }
}
