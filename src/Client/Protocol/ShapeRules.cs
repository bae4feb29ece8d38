using Gradients.Engine;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Client.Protocol;

/// <summary>The engine's shape rules, applied as nodes are made.</summary>
internal static class ShapeRules
{
    /// <summary>Constants of more elements are not folded here: their shape is enough.</summary>
    public const int MaxKnownElements = 4096;

    /// <exception cref="GradientsClientException">The inputs do not fit the op; it names op, shapes and the inputs' labels.</exception>
    public static KnownValue Infer(Op op, Attributes attributes, ReadOnlySpan<Node?> inputs) => InferAll(op, attributes, inputs)[0];

    /// <summary>What is known of each of the op's outputs.</summary>
    /// <exception cref="GradientsClientException">The inputs do not fit the op; it names op, shapes and the inputs' labels.</exception>
    public static KnownValue[] InferAll(Op op, Attributes attributes, ReadOnlySpan<Node?> inputs)
    {
        var known = new KnownValue?[inputs.Length];
        for (var i = 0; i < known.Length; i++)
            known[i] = inputs[i]?.Known;
        try
        {
            return ShapeInference.Infer(op, attributes, known);
        }
        catch (GradientsException e)
        {
            throw Errors.Local(e.With("op", op.Name));
        }
    }

    /// <summary>What is known of the outputs of a call: the body is walked with the arguments' types.</summary>
    public static KnownValue[] Call(FunctionBody function, ReadOnlySpan<Node?> arguments)
    {
        if (arguments.Length != function.Parameters.Count)
            throw Errors.Local(Grpc.Core.StatusCode.InvalidArgument, ErrorReasons.InputCountMismatch, $"'{function.Name}' takes {function.Parameters.Count} arguments; {arguments.Length} were given.", ("op", function.Name));
        var known = new KnownValue[arguments.Length];
        for (var i = 0; i < known.Length; i++)
            known[i] = arguments[i]?.Known ?? KnownValue.Unknown;
        return function.Infer(known);
    }

    /// <summary>The element type of an output whose shape is unknown; null when the inputs' types are not known either.</summary>
    public static DataType? DataTypeOf(Op? op, Attributes attributes, ReadOnlySpan<Node?> inputs)
    {
        switch (op?.Name)
        {
            case null:
                return null;
            case "Equal" or "Less" or "Greater":
                return DataType.Bool;
            case "Shape":
                return DataType.Int64;
            case "Cast":
                return attributes.Find("to") as DataType?;
        }

        DataType? adoptable = null;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i]?.DataType is not { } type || op!.Schema.Input(i)?.TypeVariable != "T")
                continue;
            if (inputs[i]!.Known is not { Constant: { } constant } || constant.Shape.Rank != 0)
                return type;
            adoptable ??= type;
        }

        return adoptable;
    }
}
