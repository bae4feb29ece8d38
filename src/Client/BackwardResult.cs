using System.Numerics.Tensors;
using Gradients.Client.Protocol;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>Gradients by node, and the values fetched with them. The elements are the caller's.</summary>
public sealed class BackwardResult
{
    private readonly Dictionary<ulong, TensorData?> _values;
    private readonly Dictionary<ulong, TensorData?> _gradients;
    private readonly HashSet<ulong> _absent;

    internal BackwardResult(Dictionary<ulong, TensorData?> values, Dictionary<ulong, TensorData?> gradients, HashSet<ulong> absent, string traceId, V1.Profile? profile, ulong heldBytes, bool isReplayed)
    {
        _values = values;
        _gradients = gradients;
        _absent = absent;
        TraceId = traceId;
        Profile = profile;
        HeldBytes = heldBytes;
        IsReplayed = isReplayed;
    }

    /// <summary>The W3C trace id of the request, 32 hexadecimal digits.</summary>
    public string TraceId { get; }

    /// <summary>Where the time went, when asked for.</summary>
    public V1.Profile? Profile { get; }

    /// <summary>Bytes that the run still holds; 0 when it was consumed or there was none.</summary>
    public ulong HeldBytes { get; }

    /// <summary>The connection was lost and this is the stored reply: the request took effect once, its elements are not kept.</summary>
    public bool IsReplayed { get; }

    /// <summary>The gradient by a node, of the node's type and shape.</summary>
    /// <exception cref="GradientsClientException">GRADIENT_ABSENT: no differentiable path leads to the node.</exception>
    /// <exception cref="KeyNotFoundException">It was not asked for, or gradients were accumulated only.</exception>
    public TensorData this[Node node]
    {
        get
        {
            if (IsAbsent(node))
                throw Errors.Local(StatusCode.FailedPrecondition, ErrorReasons.GradientAbsent, $"No differentiable path leads to {node}: its gradient is absent, not zero.");
            return _gradients[node.Id] ?? throw Session.ContentLost();
        }
    }

    /// <summary>The gradient by a node as a tensor.</summary>
    /// <exception cref="GradientsClientException">GRADIENT_ABSENT, or DATA_TYPE_MISMATCH.</exception>
    public Tensor<T> Get<T>(Node node) where T : unmanaged => this[node].ToTensor<T>();

    /// <summary>Whether no differentiable path leads to the node. Absent is not zero.</summary>
    public bool IsAbsent(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return _absent.Contains(node.Id);
    }

    /// <summary>A value that was fetched with the gradients.</summary>
    /// <exception cref="KeyNotFoundException">It was not fetched.</exception>
    public TensorData Value(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return _values[node.Id] ?? throw Session.ContentLost();
    }
}
