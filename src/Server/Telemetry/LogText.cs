using System.Globalization;
using System.Text;

namespace Gradients.Server.Telemetry;

internal static class LogText
{
    private const int MaxLength = 256;

    /// <summary>Text of a client, safe in a log line: control and separator characters escaped, at most 256 characters.</summary>
    public static string Escape(string text)
    {
        var safe = new StringBuilder(Math.Min(text.Length, MaxLength));
        foreach (var c in text)
        {
            if (safe.Length >= MaxLength)
                return safe.Append('…').ToString();
            if (char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format)
                safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                safe.Append(c);
        }

        return safe.ToString();
    }
}
