using System.Globalization;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// What went wrong, whether this library found it where the node was written or the server where it was computed. Reasons are
/// those of the contract, for example <c>SHAPE_MISMATCH</c>.
/// </summary>
public class GradientsClientException : Exception
{
    private static readonly IReadOnlyDictionary<string, string> NoMetadata = new Dictionary<string, string>();

    internal GradientsClientException(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string>? metadata = null, Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Reason = reason;
        Metadata = metadata ?? NoMetadata;
    }

    /// <summary>The kind of failure.</summary>
    public StatusCode Code { get; }

    /// <summary>The stable reason in upper case; empty when the failure lies outside the contract (a proxy, the network).</summary>
    public string Reason { get; }

    /// <summary>All that the error tells to programs: <c>node</c>, <c>label</c>, <c>op</c>, <c>shapes</c>, <c>limit</c>…</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The id of the offending node, when one is to blame.</summary>
    public ulong? NodeId => ulong.TryParse(Metadata.GetValueOrDefault("node"), CultureInfo.InvariantCulture, out var id) ? id : null;

    /// <summary>The label of the offending node, when it has one.</summary>
    public string? NodeLabel => Metadata.GetValueOrDefault("label");

    /// <summary>The op of the offending node; inside a function <c>Function/Op</c>.</summary>
    public string? Op => Metadata.GetValueOrDefault("op");

    /// <summary>The types and shapes of the offending node's inputs, as <c>float32[2, 3], float32[4]</c>.</summary>
    public string? Shapes => Metadata.GetValueOrDefault("shapes");

    /// <summary>The trace in which the server logged it, 32 hexadecimal digits; null for errors found locally.</summary>
    public string? TraceId { get; internal init; }

    /// <summary>How long to wait before trying again, when trying again can help.</summary>
    public TimeSpan? RetryAfter { get; internal init; }

    /// <summary>True when this library found the error without asking the server.</summary>
    public bool IsLocal { get; internal init; }
}
