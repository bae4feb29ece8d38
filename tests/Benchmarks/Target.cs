using System.Globalization;

namespace Gradients.Benchmarks;

/// <summary>What a row is asked to reach, beside what it reached.</summary>
internal static class Target
{
    /// <summary>Medians of two runs differ by as much.</summary>
    private const double Near = 0.1;

    public static string AtLeast(string what, double bound, double? value) => Text(what, "≥", bound, value, value >= bound, value >= bound * (1 - Near));

    public static string AtMost(string what, double bound, double? value) => Text(what, "≤", bound, value, value <= bound, value <= bound * (1 + Near));

    /// <summary>Notes of one row.</summary>
    public static string? Join(params IEnumerable<string?> notes) => string.Join("; ", notes.Where(n => n is not null)) is { Length: > 0 } text ? text : null;

    private static string Text(string what, string sign, double bound, double? value, bool isMet, bool isNear) =>
        value is null ? $"{what} not measured" : string.Create(CultureInfo.InvariantCulture, $"{what} {value:#,0.##}, asked {sign} {bound:#,0.##}: {(isMet ? "met" : isNear ? "within a tenth" : "missed")}");
}
