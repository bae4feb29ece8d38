using System.Globalization;

namespace Gradients.Benchmarks;

/// <summary>Keeps the rows of a run and prints each as soon as it is there.</summary>
/// <param name="isSilent">This process measures one side for another, which prints and judges.</param>
/// <param name="filter">What the names of the rows that are measured contain, in any case; null = all are.</param>
internal sealed class Recorder(bool isSilent, string? filter = null)
{
    private readonly List<Row> _rows = [];

    public IReadOnlyList<Row> Rows => _rows;

    /// <summary>Whether a row of this name is to be measured.</summary>
    public bool Wants(string name) => filter is null || name.Contains(filter, StringComparison.OrdinalIgnoreCase);

    public void Add(Row row)
    {
        if (!isSilent)
        {
            row = row with { Note = Target.Join(row.Note, Goals.Judge(row)) };
            if (_rows.Count == 0 || _rows[^1].Suite != row.Suite)
                Console.WriteLine($"\n{row.Suite,-46} thr       median       p10–p90           libtorch ratio   OpenBLAS ratio  of limit   bytes");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Name,-46} {row.Threads,3} {Number(row.Ours),10} {row.Unit,-7} {$"{Number(row.P10)}–{Number(row.P90)}",-16} {Number(row.Libtorch),9} {row.LibtorchRatio,5:0.00} {Number(row.OpenBlas),10} {row.OpenBlasRatio,5:0.00} {row.LimitFraction,9:0.00} {row.AllocatedBytes,7:0.#}  {Target.Join([.. row.Beside.Where(b => b.Value is not null).Select(b => $"{b.Key} {Number(b.Value)}"), row.Note])}"));
        }

        _rows.Add(row);
    }

    /// <summary>With four significant digits, or nothing.</summary>
    public static string Number(double? value) => value switch
    {
        null => "",
        < 0.995 => value.Value.ToString("0.000", CultureInfo.InvariantCulture),
        < 99.5 => value.Value.ToString("0.00", CultureInfo.InvariantCulture),
        < 999.5 => value.Value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0", CultureInfo.InvariantCulture),
    };
}
