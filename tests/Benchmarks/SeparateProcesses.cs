using System.Diagnostics;
using Gradients.Benchmarks.Processes;
using Gradients.Testing;

namespace Gradients.Benchmarks;

/// <summary>
/// Rows of several threads: ours and the peer's are measured in processes of their own that take turns, and of each row the best
/// median counts.
/// </summary>
internal static class SeparateProcesses
{
    private const int Rounds = 3;

    public static async Task<IReadOnlyList<Row>> MeasureAsync(string suite, int threads, string? filter)
    {
        var best = new Dictionary<string, Row>();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var side in (Sides[])[Sides.Ours | Sides.Limit, Sides.Libtorch])
            {
                foreach (var row in await RunAsync(suite, threads, side, filter))
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

    private static async Task<IReadOnlyList<Row>> RunAsync(string suite, int threads, Sides side, string? filter)
    {
        using var folder = new TemporaryFolder();
        var file = new FileInfo(folder["rows.json"]);
        using var process = Started.Start(Again([suite, "--threads", $"{threads}", "--side", $"{side}", "--json", file.FullName, .. filter is null ? (string[])[] : ["--rows", filter]]));
        await process.WaitForExitAsync();
        Started.Forget(process);
        return process.ExitCode == 0 ? await Row.ReadAsync(file) : throw new InvalidOperationException($"{suite}, {side}: exit code {process.ExitCode}.");
    }
}
