using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;

namespace Gradients.Server.Tests.Limits;

/// <summary>docs/limits.md says of every setting that has a range its name, default and range as the code has them.</summary>
public sealed class LimitsDocumentTests
{
    private static readonly HashSet<string> NoLimits = [nameof(GradientsServerOptions.Port)];

    [Fact]
    public void The_document_lists_every_setting_as_it_is()
    {
        var settings = Rows(new GradientsServerOptions(), "").Concat(Rows(new TenantQuota(), "Quotas:"));
        Assert.Equal(settings.Order(), Documented().Order());
    }

    private static IEnumerable<string> Rows(object options, string prefix) =>
        from property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        let range = property.GetCustomAttribute<RangeAttribute>()
        where range is not null && !NoLimits.Contains(property.Name)
        select $"{prefix}{property.Name} | {Text(property.Name, property.GetValue(options)!)} | {Text(property.Name, Bound(property, range.Minimum))} to {Text(property.Name, Bound(property, range.Maximum))}";

    /// <summary>Ranges of long are kept as double; their bounds are powers of two and exact.</summary>
    private static object Bound(PropertyInfo property, object bound) =>
        bound is double number && property.PropertyType == typeof(long) ? (long)number : bound;

    private static IEnumerable<string> Documented()
    {
        var lines = File.ReadAllLines(Path.Combine(Root(), "docs", "limits.md"));
        foreach (var cells in lines.Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('|', StringSplitOptions.TrimEntries)))
            yield return $"{cells[1].Trim('`')} | {cells[2]} | {cells[3]}";
    }

    private static string Text(string name, object value) => value switch
    {
        double number => number.ToString("0.##e0", CultureInfo.InvariantCulture),
        TimeSpan time => time.ToString("c"),
        string time => TimeSpan.Parse(time, CultureInfo.InvariantCulture).ToString("c"),
        IConvertible number when name.Contains("Bytes", StringComparison.Ordinal) => Bytes(number.ToInt64(null)),
        IConvertible number => number.ToInt64(null).ToString("N0", CultureInfo.InvariantCulture),
        _ => throw new InvalidOperationException($"{name} has a range of another type."),
    };

    private static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var unit = 0;
        for (; bytes != 0 && bytes % 1024 == 0 && unit < units.Length - 1; unit++)
            bytes /= 1024;
        return $"{bytes} {units[unit]}";
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "docs")) || !Directory.Exists(Path.Combine(folder.FullName, "protos")))
            folder = folder.Parent ?? throw new InvalidOperationException("The repository's root is not above the tests.");
        return folder.FullName;
    }
}
