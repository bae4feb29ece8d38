using System.Globalization;

namespace Gradients.Cli.Commands;

/// <summary>Numbers of bytes as people write them: 2147483648, 512MB, 2GB. Units are powers of 1024.</summary>
internal static class ByteCount
{
    private static readonly (string Suffix, long Factor)[] Units =
        [("TB", 1L << 40), ("GB", 1L << 30), ("MB", 1L << 20), ("KB", 1L << 10), ("B", 1)];

    /// <summary>False when the text is no positive number of bytes below 2⁶³.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        var factor = 1L;
        var digits = text.AsSpan().Trim();
        foreach (var (suffix, unit) in Units)
        {
            if (!digits.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                continue;
            factor = unit;
            digits = digits[..^suffix.Length].TrimEnd();
            break;
        }

        bytes = 0;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count <= 0 || count > long.MaxValue / factor)
            return false;
        bytes = count * factor;
        return true;
    }

    /// <summary>0 B, 512 B, 1.5 KB, 2 GB.</summary>
    public static string Format(double bytes)
    {
        foreach (var (suffix, factor) in Units)
        {
            if (bytes >= factor)
                return string.Create(CultureInfo.InvariantCulture, $"{bytes / factor:0.#} {suffix}");
        }

        return "0 B";
    }
}
