using System.Text.RegularExpressions;

namespace Gradients.Server.Security;

/// <summary>
/// Names of tenants: at most 63 lower-case letters and digits, with single dots, hyphens and underscores between them. Such a
/// name is also a key of the configuration, which knows no case and separates by colons and double underscores.
/// </summary>
internal static partial class TenantName
{
    private const int MaxLength = 63;

    public static bool IsValid(string text) => text.Length is > 0 and <= MaxLength && Pattern().IsMatch(text);

    [GeneratedRegex(@"\A[a-z0-9]+([._-][a-z0-9]+)*\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Pattern();
}
