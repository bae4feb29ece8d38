using System.Diagnostics;

namespace Gradients.Benchmarks;

/// <summary>
/// Rows of several threads: ours and the peer's are measured in processes of their own that take turns, and of each row the best
/// median counts.
/// </summary>
internal static class SeparateProcesses
{
    private const int Rounds = 3;

    public static async Task<IReadOnlyList<Row>> MeasureAsync(string suite, int threads)
    {
        var best = new Dictionary<string, Row>();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var side in (Sides[])[Sides.Ours, Sides.Libtorch])
            {
                foreach (var row in await RunAsync(suite, threads, side))
                {
                    if (!best.TryGetValue(row.Name, out var known))
                        best.Add(row.Name, row);
                    else if (row.Ours < (known.Ours ?? double.MaxValue))
                        best[row.Name] = row with { Libtorch = known.Libtorch };
                    else if (row.Libtorch < (known.Libtorch ?? double.MaxValue))
                        best[row.Name] = known with { Libtorch = row.Libtorch };
                }
            }
        }

        return [.. best.Values];
    }

    /// <summary>How this program starts again.</summary>
    public static ProcessStartInfo Again(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
            start.ArgumentList.Add(typeof(SeparateProcesses).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }

    private static async Task<IReadOnlyList<Row>> RunAsync(string suite, int threads, Sides side)
    {
        var file = new FileInfo(Path.GetTempFileName());
        try
        {
            using var process = Process.Start(Again([suite, "--threads", $"{threads}", "--side", $"{side}", "--json", file.FullName]))!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? await Row.ReadAsync(file) : throw new InvalidOperationException($"{suite}, {side}: exit code {process.ExitCode}.");
        }
        finally
        {
            file.Delete();
        }
    }
}
