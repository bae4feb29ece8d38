using System.Globalization;
using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;
using Spectre.Console;

namespace Gradients.Benchmarks;

/// <summary>What a person reads on the terminal.</summary>
internal static class Report
{
    /// <summary>What the figures were measured on.</summary>
    public static string[] Header(string peer) =>
    [
        $"CPU      {CpuModel()}, {Environment.ProcessorCount} cores",
        $"ISA      {IsaLevel.Name}",
        $"Peer     {peer}",
        $"Runtime  {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}",
        string.Create(CultureInfo.InvariantCulture, $"Date     {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC"),
    ];

    public static void WriteTable(string suite, IReadOnlyList<Measurement> measurements)
    {
        var table = new Table { Border = TableBorder.Simple, Title = new TableTitle(suite) };
        table.AddColumn("name", c => c.NoWrap());
        foreach (var column in (string[])["threads", "median µs", "p10–p90", "peer µs", "ratio", "of peak", "bytes/step", "GFLOP/s"])
            table.AddColumn(column, c => c.NoWrap().RightAligned());
        foreach (var m in measurements)
        {
            table.AddRow(
                m.Name.EscapeMarkup(),
                Text($"{m.Threads}"),
                Text($"{m.Cost.Median:0.00}"),
                Text($"{m.Cost.P10:0.00}–{m.Cost.P90:0.00}"),
                m.Disagreement is { } d ? Text($"differs {d:0.0e0}") : Text($"{m.Peer:0.00}"),
                Text($"{m.Ratio:0.00}"),
                Text($"{m.PeakFraction:0.00}"),
                Text($"{m.Cost.AllocatedBytes:0.##}"),
                Text($"{m.GigaflopsPerSecond:0.00}"));
        }

        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 160;
        AnsiConsole.Write(table);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string CpuModel()
    {
        const string Source = "/proc/cpuinfo";
        var line = File.Exists(Source) ? File.ReadLines(Source).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
