using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>What an input contributes to derivatives.</summary>
public enum Differentiability
{
    /// <summary>The op has a rule for it.</summary>
    Differentiable,

    /// <summary>Contributes nothing: comparisons, indices, shapes, StopGradient.</summary>
    Blocked,

    /// <summary>No derivative is defined: an error once a cotangent would have to flow through it.</summary>
    Undefined,
}

/// <param name="Name">The name in ONNX.</param>
/// <param name="TypeVariable">Inputs with the same variable have the same element type.</param>
/// <param name="Optional">May be omitted.</param>
/// <param name="Variadic">The last input may repeat.</param>
/// <param name="Mixed">Each of the inputs may have another element type, whatever the variable.</param>
public sealed record InputSchema(
    string Name,
    string TypeVariable = "T",
    Differentiability Differentiability = Differentiability.Differentiable,
    bool Optional = false,
    bool Variadic = false,
    bool Mixed = false);

/// <param name="Type">The CLR type of the value: long, double, string, bool, long[], double[], DataType, TensorType, TensorType[] or ConstantData.</param>
/// <param name="Default">Shown to clients; null when there is none.</param>
public sealed record AttributeSchema(string Name, Type Type, string Doc, bool Required = false, object? Default = null);

/// <summary>What clients may rely on: inputs, attributes, types and meaning of an op.</summary>
public sealed record OpSchema(string Name, string Doc, params InputSchema[] Inputs)
{
    /// <summary>"ai.onnx" for ops with ONNX's meaning, "gradients" for the project's own.</summary>
    public string Domain { get; init; } = "ai.onnx";

    /// <summary>The ONNX opset whose meaning the op has; 1 in the project's own domain.</summary>
    public int SinceVersion { get; init; } = 17;

    public AttributeSchema[] Attributes { get; init; } = [];

    /// <summary>Allowed element types for each type variable; the variable of the output is "T" unless stated in the doc.</summary>
    public IReadOnlyDictionary<string, DataType[]> Types { get; init; } = new Dictionary<string, DataType[]> { ["T"] = DataTypes.Floating };

    /// <summary>How many inputs a call has at least.</summary>
    public int RequiredInputs { get; } = Inputs.Count(i => !i.Optional);

    /// <summary>At least one input has a derivative rule.</summary>
    public bool Differentiable => Inputs.Any(i => i.Differentiability == Differentiability.Differentiable);

    /// <summary>The schema of the input at a position, the variadic one for all behind it; null when there is none.</summary>
    public InputSchema? Input(int position) =>
        position < Inputs.Length ? Inputs[position] : Inputs.Length > 0 && Inputs[^1].Variadic ? Inputs[^1] : null;
}
