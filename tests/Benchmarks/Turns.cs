using System.Diagnostics;

namespace Gradients.Benchmarks;

/// <summary>What takes a turn: so many runs, and what is done after them outside of the time.</summary>
internal sealed record Turn(Func<int, Task> Run)
{
    public Func<Task>? Settle { get; init; }

    /// <summary>Runs that a turn has at least.</summary>
    public int Least { get; init; } = 1;
}

/// <summary>Times what waits for other processes: each takes its turn, so that what slows the machine slows all.</summary>
internal static class Turns
{
    private const int MaxRuns = 10_000;

    /// <summary>Both sides keep the memory of large transfers after some, and code is compiled for good.</summary>
    private const int WarmUpTurns = 10;
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);

    /// <summary>Microseconds a run, one sample a turn, for each.</summary>
    /// <param name="each">The time for each, after a warm-up of at least half of it.</param>
    public static async Task<List<double>[]> MeasureAsync(IReadOnlyList<Turn> turns, TimeSpan each)
    {
        var runs = new int[turns.Count];
        for (var i = 0; i < runs.Length; i++)
        {
            runs[i] = turns[i].Least;
            var began = Stopwatch.GetTimestamp();
            for (var turn = 0; turn < WarmUpTurns || Stopwatch.GetElapsedTime(began) < each / 2; turn++)
                runs[i] = (int)Math.Clamp(Shortest.TotalMicroseconds / await TimeAsync(turns[i], runs[i]), turns[i].Least, Math.Max(turns[i].Least, MaxRuns));
        }

        var samples = turns.Select(_ => new List<double>()).ToArray();
        for (var began = Stopwatch.GetTimestamp(); samples.Length > 0 && (samples[0].Count < 3 || Stopwatch.GetElapsedTime(began) < turns.Count * each);)
        {
            for (var i = 0; i < runs.Length; i++)
                samples[i].Add(await TimeAsync(turns[i], runs[i]));
        }

        return samples;
    }

    private static async Task<double> TimeAsync(Turn turn, int runs)
    {
        var began = Stopwatch.GetTimestamp();
        await turn.Run(runs);
        var time = Stopwatch.GetElapsedTime(began);
        if (turn.Settle is { } settle)
            await settle();
        return Math.Max(0.01, time.TotalMicroseconds / runs);
    }
}
