using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>Element type and shape of a node's value.</summary>
public readonly record struct NodeType(DataType DataType, Shape Shape)
{
    public override string ToString() => $"{DataType.Name()}{Shape}";
}

/// <summary>
/// Which definition of the client a node stems from, for errors and profiles; id 0 when there is none. Plans keep only the
/// position in the canonical order: another client that shares the plan has other ids and labels.
/// </summary>
public sealed record NodeOrigin(ulong Id, string Op, string? Label, int Position)
{
    /// <summary>Of nodes that stem from no definition.</summary>
    public static readonly NodeOrigin None = new(0, "", null, 0);
}

/// <summary>
/// One value of an instantiated graph: an op applied to earlier nodes, with element type and shape known. Created only by
/// <see cref="GraphBuilder"/>; indices increase, inputs have smaller ones.
/// </summary>
public sealed class Node
{
    // Attributes that are not empty, or the payload: no node has both.
    private readonly object? _data;

    internal Node(GraphBuilder builder, int index, PrimitiveOp? op, Node[] inputs, Attributes attributes, NodeType type, object? payload, NodeOrigin origin)
    {
        Builder = builder;
        Index = index;
        Op = op;
        Inputs = inputs;
        _data = payload ?? (attributes == Attributes.None ? null : attributes);
        DataType = type.DataType;
        Shape = type.Shape;
        Origin = origin;
    }

    public GraphBuilder Builder { get; }

    public int Index { get; }

    /// <summary>Null for sources: inputs and constants.</summary>
    public PrimitiveOp? Op { get; }

    public Node[] Inputs { get; }

    public Attributes Attributes => _data as Attributes ?? Attributes.None;

    public DataType DataType { get; }

    public Shape Shape { get; }

    public NodeType Type => new(DataType, Shape);

    public NodeOrigin Origin { get; }

    /// <summary>The elements, when they are known while the graph is built.</summary>
    public ConstantData? Constant => _data as ConstantData;

    /// <summary>The position of an input among the plan's inputs, or −1.</summary>
    public int InputSlot => Op is null && Payload is int slot ? slot : -1;

    /// <summary>What a source or the output of a call carries: the slot, the constant, the custom call or the call-out.</summary>
    internal object? Payload => _data is Attributes ? null : _data;

    /// <summary>Another node in this one's place.</summary>
    internal Node With(PrimitiveOp? op, Node[] inputs, object? payload = null) => new(Builder, Index, op, inputs, Attributes, Type, payload, Origin);

    public override string ToString() => $"%{Index} = {Op?.Name ?? (Constant is null ? "Input" : "Constant")} : {Type}";
}
