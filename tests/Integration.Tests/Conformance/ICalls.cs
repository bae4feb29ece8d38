using System.Text.Json.Nodes;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>A way to send the requests of the vectors.</summary>
internal interface ICalls
{
    /// <summary>Why this rpc cannot be called in this way; null = it can.</summary>
    string? Obstacle(string call);

    /// <summary>The reply, or the status of the refusal. The replies of Interact are joined into their results.</summary>
    Task<(JsonNode? Reply, JsonNode? Error)> SendAsync(string call, JsonNode request, CancellationToken cancellation);
}
