using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>What the whole text shares: ids of unnamed values, their places, and the names of its functions.</summary>
internal sealed class TextState(TextLimits limits)
{
    private ulong _next = ParsedGraph.FirstPrivateId;
    private int _nodes;

    public TextLimits Limits => limits;

    public Dictionary<ulong, TextPosition> Positions { get; } = [];

    public HashSet<string> Functions { get; } = [];

    /// <summary>Of literals that meet no value of a known type: that of the first floating input, else float32.</summary>
    public DataType? Floating { get; set; }

    public ulong NextId() => _next++;

    public void CountNode(TextPosition at)
    {
        if (++_nodes > limits.MaxNodes)
            throw at.OverLimit("max_nodes_per_request", limits.MaxNodes, _nodes);
    }
}
