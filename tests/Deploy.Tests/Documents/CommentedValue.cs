namespace Gradients.Deploy.Tests.Documents;

/// <param name="Path">Dotted name.</param>
/// <param name="Default">As written; null where it is a list of several lines.</param>
/// <param name="Comment">The lines of comment above, joined.</param>
internal sealed record CommentedValue(string Path, string? Default, string Comment)
{
    /// <summary>The leaves of a values file that is indented by two spaces.</summary>
    public static IReadOnlyList<CommentedValue> Parse(string yaml)
    {
        var values = new List<CommentedValue>();
        var comment = new List<string>();
        var names = new List<string>();
        var lines = yaml.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var text = lines[i].Trim();
            var depth = (lines[i].Length - lines[i].TrimStart().Length) / 2;
            if (text.StartsWith('#'))
            {
                comment.Add(text[1..].Trim());
            }
            else if (text.Length > 0 && depth <= names.Count && text.Split(':', 2) is [var name, var rest])
            {
                names = [.. names.Take(depth), name];
                var isList = rest.Length == 0 && lines[i + 1].TrimStart().StartsWith("- ", StringComparison.Ordinal);
                if (rest.Length > 0 || isList)
                    values.Add(new(string.Join('.', names), isList ? null : rest.Trim(), string.Join(' ', comment)));
                comment.Clear();
                if (isList)
                    while (i + 1 < lines.Length && lines[i + 1].StartsWith(new string(' ', (depth + 1) * 2), StringComparison.Ordinal))
                        i++;
            }
            else
            {
                comment.Clear();
            }
        }

        return values;
    }
}
