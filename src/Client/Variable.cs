using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Client;

/// <summary>
/// A value that its session keeps, versions and accumulates gradients for. In a stand-alone graph it is fed with each
/// evaluation, its initial value if nothing else.
/// </summary>
public sealed class Variable : Node
{
    internal Variable(GraphContext context, ulong id, string name, NodeType type)
        : base(context, id, "Variable", type.DataType, new KnownValue(type))
    {
        Name = name;
        Label = name;
        Type = type;
    }

    /// <summary>The name for people.</summary>
    public string Name { get; }

    /// <summary>The shape, always known.</summary>
    public new Shape Shape => Type.Shape;

    internal NodeType Type { get; }

    /// <summary>The value given at creation, in stand-alone graphs.</summary>
    internal TensorData? Initial { get; init; }
}
