using System.Text.Json.Nodes;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>One case: its steps in order, and the names that they keep.</summary>
internal sealed class CaseRun(ICalls calls)
{
    private readonly Dictionary<string, string> _names = [];

    /// <summary>Why the case cannot be sent in this way; null = it can.</summary>
    public string? Obstacle(JsonArray steps) => steps.Select(s => calls.Obstacle((string)s!["call"]!)).FirstOrDefault(o => o is not null);

    /// <summary>What differs from what is expected.</summary>
    public async Task<List<string>> RunAsync(JsonArray steps, CancellationToken cancellation)
    {
        List<string> differences = [];
        foreach (var (number, step) in steps.Select((s, i) => (i + 1, s!)))
        {
            var (reply, error) = await calls.SendAsync((string)step["call"]!, Substitute(step["request"])!, cancellation);
            var (side, actual) = step["error"] is null ? ("reply", reply) : ("error", error);
            if (actual is null)
                return [.. differences, $"step {number}: {(reply ?? error)!.ToJsonString()} instead of {side} {step[side]!.ToJsonString()}"];
            differences.AddRange(new Comparison((long?)step["ulps"]).Differences(Substitute(step[side]), actual, "").Select(d => $"step {number}: {side}{d}"));
            foreach (var (name, path) in step["keep"]?.AsObject() ?? [])
                _names[name] = ((string)path!).Split('.').Aggregate(actual, (node, key) => node is JsonArray array ? array[int.Parse(key)]! : node[key]!).ToString();
        }

        return differences;
    }

    private JsonNode? Substitute(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.Select(p => KeyValuePair.Create(p.Key, Substitute(p.Value)))),
        JsonArray a => new JsonArray([.. a.Select(Substitute)]),
        JsonValue v when v.TryGetValue(out string? text) && _names.TryGetValue(text, out var kept) => JsonValue.Create(kept),
        _ => node?.DeepClone(),
    };
}
