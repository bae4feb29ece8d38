using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>What is known of a value before a plan is made.</summary>
/// <param name="Type">Element type and shape; null when the shape is not known.</param>
/// <param name="Constant">The elements, when they are known.</param>
public sealed record KnownValue(NodeType? Type, ConstantData? Constant = null)
{
    public static readonly KnownValue Unknown = new((NodeType?)null);

    public static KnownValue Of(ConstantData constant) => new(new NodeType(constant.DataType, constant.Shape), constant);
}

/// <summary>
/// The ops' own shape rules, applied to one node at a time without a graph: shapes that cannot fit are found where the node
/// is written.
/// </summary>
public static class ShapeInference
{
    /// <summary>
    /// What is known of the op's outputs. Inputs are in order, null where an optional one is omitted; when the shape of any of
    /// them is unknown, so are the outputs.
    /// </summary>
    /// <exception cref="GradientsException">Attributes, element types or shapes do not fit the op; it names the shapes.</exception>
    public static KnownValue[] Infer(Op op, Attributes attributes, params ReadOnlySpan<KnownValue?> inputs)
    {
        var known = AttributeCheck.Checked(op, attributes);
        var count = op.CountOutputs(known, inputs.Length);
        foreach (var input in inputs)
        {
            if (input is { Type: null })
                return [.. Enumerable.Repeat(KnownValue.Unknown, count)];
        }

        var builder = new GraphBuilder();
        var nodes = new Node?[inputs.Length];
        for (var i = 0; i < nodes.Length; i++)
        {
            if (inputs[i] is { } input)
                nodes[i] = input.Constant is { } constant ? builder.Constant(constant) : builder.Input(input.Type!.Value.DataType, input.Type.Value.Shape, i);
        }

        return Array.ConvertAll(builder.AddAll(op, known, nodes).ToArray(), output => new KnownValue(output.Type, output.Constant));
    }
}
