using System.Diagnostics;

namespace Gradients.Benchmarks;

/// <summary>
/// Times a subject, its peers and the machine's limit in turns, so that what slows the machine slows all. On one thread the
/// processor time of that thread counts, on more the time that passes.
/// </summary>
internal sealed class Meter(int threads, Sides sides, TimeSpan warmUp, TimeSpan duration)
{
    private const int MinTurns = 5;
    private const int MaxTurns = 301;
    private const double TurnMicroseconds = 2000;
    private const int Windows = 5;
    private const double WindowMicroseconds = 100_000;

    public Row Measure(Subject subject)
    {
        var isShared = threads > 1 || subject.Waits;
        Action<int>[] runs = [.. Present(subject.Ours, Sides.Ours), .. Present(subject.Libtorch, Sides.Libtorch), .. Present(subject.OpenBlas, Sides.Ours), .. subject.Beside.Values.SelectMany(run => Present(run, Sides.Limit))];
        int[] repeats = Array.ConvertAll(runs, run => WarmUp(run, isShared));
        var times = Array.ConvertAll(runs, _ => new List<double>());
        var limits = new List<double>();
        var limit = sides.HasFlag(Sides.Limit) ? subject.Limit : null;
        limit?.PerNanosecond();
        // A process of the peer's has nothing to time where there is no peer.
        for (var began = Stopwatch.GetTimestamp(); runs.Length > 0 && (times[0].Count < MinTurns || (times[0].Count < MaxTurns && Stopwatch.GetElapsedTime(began) < runs.Length * duration));)
        {
            for (var i = 0; i < runs.Length; i++)
                times[i].Add(Time(runs[i], repeats[i], isShared));
            if (limit is not null)
                limits.Add(limit.PerNanosecond());
        }

        var median = Of(subject.Ours, 0.5);
        return new Row(subject.Suite, subject.Name, threads, "us", median)
        {
            P10 = Of(subject.Ours, 0.1),
            P90 = Of(subject.Ours, 0.9),
            Libtorch = Of(subject.Libtorch, 0.5),
            OpenBlas = Of(subject.OpenBlas, 0.5),
            LimitFraction = limit is null ? null : limit.Work / median / 1e3 / Statistics.Median(limits) / threads,
            AllocatedBytes = sides.HasFlag(Sides.Ours) ? CountAllocated(subject.Ours, median ?? 1) : null,
            Beside = subject.Beside.ToDictionary(beside => beside.Key, beside => Of(beside.Value, 0.5)),
            MayAllocate = subject.MayAllocate,
            Note = subject.Note,
        };

        Action<int>[] Present(Action<int>? run, Sides side) => run is not null && sides.HasFlag(side) ? [run] : [];
        double? Of(Action<int>? run, double part) => Array.IndexOf(runs, run) is >= 0 and var i ? Statistics.At(times[i], part) : null;
    }

    /// <summary>Outlasts the tiers of the just-in-time compiler. Returns how many steps make a turn.</summary>
    private int WarmUp(Action<int> run, bool isShared)
    {
        var repeats = 1;
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < warmUp;)
            repeats = (int)Math.Clamp(TurnMicroseconds / Math.Max(0.01, Time(run, repeats, isShared)), 1, 10_000);
        return repeats;
    }

    private static double Time(Action<int> run, int repeats, bool isShared)
    {
        if (isShared)
        {
            var started = Stopwatch.GetTimestamp();
            run(repeats);
            return Stopwatch.GetElapsedTime(started).TotalMicroseconds / repeats;
        }

        var began = ThreadClock.Microseconds;
        run(repeats);
        return (ThreadClock.Microseconds - began) / repeats;
    }

    /// <summary>
    /// The least of several windows: what a step allocates is in each of them, what the runtime does now and then (changing
    /// tiers, starting a thread) is not.
    /// </summary>
    private static double CountAllocated(Action<int> run, double microseconds)
    {
        var steps = (int)Math.Clamp(WindowMicroseconds / microseconds, 2, 1000);
        var least = double.MaxValue;
        for (var window = 0; window < Windows; window++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            run(steps);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)steps);
        }

        return least;
    }
}

/// <summary>What a process times. On several threads the idle workers of one library spin and take the other's cores, so each has its own.</summary>
[Flags]
internal enum Sides
{
    Ours = 1,
    Libtorch = 2,
    Limit = 4,
    All = Ours | Libtorch | Limit,
}
