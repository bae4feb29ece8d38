using System.Text.RegularExpressions;

namespace Gradients.Deploy.Tests.Documents;

internal static partial class Markdown
{
    /// <summary>Anchors of a document's headings: lower case, punctuation left out, spaces as hyphens.</summary>
    public static IReadOnlySet<string> Anchors(string markdown) => Heading().Matches(markdown)
        .Select(m => Punctuation().Replace(m.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-')).ToHashSet();

    [GeneratedRegex("^#+ (.+?)\\s*$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex Punctuation();
}
