namespace Gradients.Integration.Tests.Proofs;

/// <summary>The tables of docs/telemetry.md.</summary>
internal sealed class TelemetryDocument
{
    private readonly Dictionary<string, List<string[]>> _tables = [];

    private TelemetryDocument()
    {
    }

    public static TelemetryDocument Load()
    {
        var document = new TelemetryDocument();
        var header = "";
        foreach (var line in File.ReadLines(Path.Combine(Root(), "docs", "telemetry.md")))
        {
            if (!line.StartsWith("| ", StringComparison.Ordinal))
            {
                header = "";
                continue;
            }

            var cells = line.Trim().Trim('|').Split('|').Select(c => c.Trim()).ToArray();
            if (header.Length == 0)
                document._tables[header = cells[0]] = [];
            else if (!cells.All(c => c.All(ch => ch == '-')))
                document._tables[header].Add(cells);
        }

        return document;
    }

    /// <summary>The rows of the table whose first column has this heading.</summary>
    public IReadOnlyList<string[]> Rows(string heading) => _tables[heading];

    /// <summary>The names in code type of a cell.</summary>
    public static IEnumerable<string> Names(string cell) => cell.Split('`').Where((_, i) => i % 2 == 1);

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Gradients.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
