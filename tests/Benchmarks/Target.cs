using System.Globalization;

namespace Gradients.Benchmarks;

/// <summary>What a row is asked to reach, beside what it reached.</summary>
internal static class Target
{
    /// <summary>Medians of two runs differ by as much.</summary>
    private const double Near = 0.1;

    /// <param name="limit">The value at the machine's measured limit, which is said where it is no better than the bound.</param>
    public static string AtLeast(string what, double bound, double? value, double? limit = null) =>
        Text(what, "≥", bound, value, value >= bound, value >= bound * (1 - Near), limit < bound ? limit : null, value >= limit * (1 - Near));

    /// <inheritdoc cref="AtLeast"/>
    public static string AtMost(string what, double bound, double? value, double? limit = null) =>
        Text(what, "≤", bound, value, value <= bound, value <= bound * (1 + Near), limit > bound ? limit : null, value <= limit * (1 + Near));

    /// <summary>Notes of one row.</summary>
    public static string? Join(params IEnumerable<string?> notes) => string.Join("; ", notes.Where(n => n is not null)) is { Length: > 0 } text ? text : null;

    /// <param name="limit">Where it is no better than the bound.</param>
    /// <param name="isAtLimit">Whether the limit explains the value: it comes as near as two runs.</param>
    private static string Text(string what, string sign, double bound, double? value, bool isMet, bool isNear, double? limit, bool isAtLimit)
    {
        if (value is null)
            return $"{what} not measured";
        var stated = limit is null ? null : string.Create(CultureInfo.InvariantCulture, $"the limit is {limit:#,0.##}");
        var reached = isMet ? "met" : isNear ? "within a tenth" : stated is null ? "missed" : isAtLimit ? stated : $"missed, {stated}";
        return string.Create(CultureInfo.InvariantCulture, $"{what} {value:#,0.##}, asked {sign} {bound:#,0.##}: {reached}");
    }
}
