using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Testing;

/// <summary>Collects node definitions as a client would send them, with ids counted up.</summary>
public sealed class GraphSpecs(ulong firstId = 1)
{
    private ulong _next = firstId;

    public List<NodeSpec> Nodes { get; } = [];

    public ulong Input(DataType type, params Dimension[] dimensions) => Typed("Input", type, dimensions);

    public ulong Variable(DataType type, params Dimension[] dimensions) => Typed("Variable", type, dimensions);

    public ulong Constant<T>(Shape shape, params T[] values) where T : unmanaged =>
        Add("Constant", Attributes.Of(("value", ConstantData.Of<T>(shape, values))));

    public ulong Scalar(float value) => Constant(Shape.Scalar, value);

    public ulong Op(string op, params ulong[] inputs) => Add(op, Attributes.None, inputs);

    public ulong Add(string op, Attributes attributes, params ulong[] inputs)
    {
        Nodes.Add(new NodeSpec(_next, op, inputs, attributes));
        return _next++;
    }

    /// <summary>What was added since the last call.</summary>
    public NodeSpec[] Take()
    {
        NodeSpec[] taken = [.. Nodes];
        Nodes.Clear();
        return taken;
    }

    private ulong Typed(string op, DataType type, Dimension[] dimensions) =>
        Add(op, Attributes.Of(("type", new TensorType(type, dimensions))));
}
