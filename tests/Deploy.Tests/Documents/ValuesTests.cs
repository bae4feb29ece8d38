using System.Text.Json;
using Gradients.Deploy.Tests.Helm;

namespace Gradients.Deploy.Tests.Documents;

/// <summary>values.yaml, its schema and the chart's README say the same.</summary>
public class ValuesTests
{
    [Fact]
    public void EveryValueIsInTheReadmeWithItsDefaultAndComment()
    {
        var table = Repository.Read($"{Chart.Directory}/README.md").Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal));
        var values = CommentedValue.Parse(Repository.Read($"{Chart.Directory}/values.yaml"));
        Assert.Equal(values.Select(v => $"| `{v.Path}` | {(v.Default is { } d ? $"`{d}`" : "see `values.yaml`")} | {v.Comment} |"), table);
        Assert.All(values, v => Assert.NotEmpty(v.Comment));
    }

    [Fact]
    public void EveryValueIsInTheSchemaAndNoOther()
    {
        using var schema = JsonDocument.Parse(Repository.Read($"{Chart.Directory}/values.schema.json"));
        var values = CommentedValue.Parse(Repository.Read($"{Chart.Directory}/values.yaml"));
        // helm itself adds "global".
        Assert.Equal(values.Select(v => v.Path).Append("global").Order(), Leaves(schema.RootElement, "").Order());
    }

    private static IEnumerable<string> Leaves(JsonElement schema, string path)
    {
        if (!schema.TryGetProperty("properties", out var properties))
        {
            yield return path;
            yield break;
        }

        // Objects with named members admit no others.
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        foreach (var leaf in properties.EnumerateObject().SelectMany(p => Leaves(p.Value, path.Length == 0 ? p.Name : $"{path}.{p.Name}")))
            yield return leaf;
    }
}
