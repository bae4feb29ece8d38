using System.Globalization;
using System.Text;

namespace Gradients.Benchmarks;

/// <summary>The rows of a run as a document: how they were measured, then a table a suite.</summary>
internal static class MarkdownReport
{
    public static Task WriteAsync(FileInfo file, (string Name, string Value)[] header, string command, IReadOnlyList<Row> rows, IEnumerable<ISuite> suites)
    {
        var text = new StringBuilder();
        text.Append("# Performance\nWritten by the benchmark itself; do not edit.\n\n```\n").Append(command).Append("\n```\n\n| | |\n| --- | --- |\n");
        foreach (var (name, value) in header)
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {value} |\n");
        text.Append("""

            Medians. Ratio: our time over the peer's, so less than 1 is faster. Of limit: the part of what the machine does at best that is
            reached. Peers and limits are measured in turns with ours; on one thread the processor time of the thread counts, and on
            several each side has a process of its own. Bytes are managed bytes allocated a step, by all threads.

            """);
        foreach (var suite in rows.GroupBy(r => r.Suite))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {suite.Key}\n{suites.First(s => s.Name == suite.Key).Summary}\n\n");
            Column[] columns = [.. First.Concat(suite.SelectMany(r => r.Beside.Keys).Distinct().SelectMany(Beside)).Concat(Last).Where(c => suite.Any(r => c.Text(r).Length > 0))];
            text.Append(CultureInfo.InvariantCulture, $"| | {string.Join(" | ", columns.Select(c => c.Name))} |\n|{string.Concat(Enumerable.Repeat(" --- |", columns.Length + 1))}\n");
            foreach (var row in suite)
                text.Append(CultureInfo.InvariantCulture, $"| {row.Name} | {string.Join(" | ", columns.Select(c => c.Text(row)))} |\n");
        }

        return File.WriteAllTextAsync(file.FullName, text.ToString());
    }

    private sealed record Column(string Name, Func<Row, string> Text);

    private static Column[] Beside(string name) =>
    [
        new(name, r => Recorder.Number(r.Beside.GetValueOrDefault(name))),
        new("ratio", r => Ratio(r.Ours / r.Beside.GetValueOrDefault(name))),
    ];

    private static readonly Column[] First =
    [
        new("threads", r => r.Threads.ToString(CultureInfo.InvariantCulture)),
        new("ours", r => Recorder.Number(r.Ours)),
        new("unit", r => r.Unit.Replace("us", "µs", StringComparison.Ordinal)),
        new("p10–p90", r => r.P10 is null ? "" : $"{Recorder.Number(r.P10)}–{Recorder.Number(r.P90)}"),
        new("libtorch", r => Recorder.Number(r.Libtorch)),
        new("ratio", r => Ratio(r.LibtorchRatio)),
        new("OpenBLAS", r => Recorder.Number(r.OpenBlas)),
        new("ratio", r => Ratio(r.OpenBlasRatio)),
    ];

    private static readonly Column[] Last =
    [
        new("of limit", r => Ratio(r.LimitFraction)),
        new("bytes", r => r.AllocatedBytes?.ToString("0", CultureInfo.InvariantCulture) ?? ""),
        new("", r => r.Note ?? ""),
    ];

    private static string Ratio(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";
}
