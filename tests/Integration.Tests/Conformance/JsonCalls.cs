using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Google.Api;
using Google.Protobuf.Reflection;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>Rpcs by the <c>google.api.http</c> options of the contract: the messages of the vectors go as they are written.</summary>
internal sealed partial class JsonCalls(HttpClient http) : ICalls
{
    public string? Obstacle(string call) => NamedCall.Find(call).IsClientStreaming ? "streams from the client are for gRPC alone" : null;

    public async Task<(JsonNode? Reply, JsonNode? Error)> SendAsync(string call, JsonNode request, CancellationToken cancellation)
    {
        var method = NamedCall.Find(call);
        var (verb, path, hasBody) = Rule(method);
        var fields = request.DeepClone().AsObject();
        if (Field().Match(path) is { Success: true } match)
        {
            path = Field().Replace(path, Text(fields[Name(match)]));
            fields.Remove(Name(match));
        }

        if (!hasBody)
            path += "?" + string.Join('&', fields.SelectMany(f => (f.Value as JsonArray ?? [f.Value?.DeepClone()]).Select(v => $"{f.Key}={Uri.EscapeDataString(Text(v))}")));
        using var message = new HttpRequestMessage(verb, path);
        if (hasBody)
            message.Content = new StringContent(fields.ToJsonString(), new MediaTypeHeaderValue("application/json"));
        using var response = await http.SendAsync(message, cancellation);
        var text = await response.Content.ReadAsStringAsync(cancellation);
        if (!response.IsSuccessStatusCode)
            return (null, JsonNode.Parse(text));
        if (!method.IsServerStreaming)
            return (JsonNode.Parse(text), null);
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToList();
        return lines.LastOrDefault()?["error"] is { } error ? (null, error.DeepClone()) : (new JsonArray([.. lines]), null);
    }

    private static (HttpMethod Verb, string Path, bool HasBody) Rule(MethodDescriptor method)
    {
        var rule = method.GetOptions().GetExtension(AnnotationsExtensions.Http);
        var (verb, path) = rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => (HttpMethod.Get, rule.Get),
            HttpRule.PatternOneofCase.Delete => (HttpMethod.Delete, rule.Delete),
            _ => (HttpMethod.Post, rule.Post),
        };
        return (verb, path, rule.Body == "*");
    }

    private static string Name(Match field) => field.Groups["field"].Value;

    private static string Text(JsonNode? value) => value?.ToString() ?? "";

    [GeneratedRegex(@"\{(?<field>[a-z_]+)=(?<collection>[a-z]+/)\*\}")]
    private static partial Regex Field();
}
