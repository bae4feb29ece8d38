using System.Globalization;
using System.Text;

namespace Gradients.Benchmarks;

/// <summary>The rows of a run as a document: how they were measured, then a table a suite.</summary>
internal static class MarkdownReport
{
    public static Task WriteAsync(FileInfo file, IReadOnlyList<string> header, string command, IReadOnlyList<Row> rows)
    {
        var text = new StringBuilder("# Performance\nWritten by the benchmark itself; do not edit.\n\n```\n").Append(command).Append("\n```\n\n| | |\n| --- | --- |\n");
        foreach (var line in header)
        {
            var (name, value) = (line[..line.IndexOf(' ', StringComparison.Ordinal)], line[line.IndexOf(' ', StringComparison.Ordinal)..].Trim());
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {value} |\n");
        }

        text.Append("\nMedians. Ratio: our time over the peer's, so less than 1 is faster. Of peak: the part of what the core does in multiply-adds that\ntouch registers alone, measured between the samples. Bytes are managed bytes allocated a step, by all threads.\n");
        foreach (var suite in rows.GroupBy(r => r.Suite))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {suite.Key}\n{(suite.First().PeerName is { } peer ? $"Peer: {peer}, one thread.\n\n" : "")}| | threads | µs | peer, µs | ratio | of peak | bytes |\n| --- | --- | --- | --- | --- | --- | --- |\n");
            foreach (var row in suite)
                text.Append(CultureInfo.InvariantCulture, $"| {row.Name} | {row.Threads} | {row.Ours:0.00} | {Text(row.Peer, "0.00")} | {Text(row.Ratio, "0.00")} | {Text(row.LimitFraction, "0.00")} | {Text(row.AllocatedBytes, "0")} |\n");
        }

        return File.WriteAllTextAsync(file.FullName, text.ToString());
    }

    private static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
