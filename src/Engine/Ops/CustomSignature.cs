using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>The attributes of one use of <see cref="CustomOp"/>, checked and applied to its inputs.</summary>
internal sealed class CustomSignature
{
    private readonly OpCall _call;
    private readonly NodeType[] _inputs;
    private readonly NodeType[] _outputs;
    private readonly Dictionary<string, long> _symbols = [];

    /// <exception cref="GradientsException">SHAPE_MISMATCH, DATA_TYPE_MISMATCH, INVALID_ATTRIBUTE, INPUT_COUNT_MISMATCH.</exception>
    public CustomSignature(OpCall call)
    {
        _call = call;
        CountOutputs(call.Attributes, call.InputCount);
        _inputs = Array.ConvertAll(call.Inputs, i => i?.Type ?? throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, "Custom: no input can be omitted."));
        BindInputs();
        _outputs = call.Attributes.Types("types") is { } types ? [.. types.Select(Bound)]
            : [.. (call.Attributes.Ints("like") ?? [0]).Select(i => _inputs[i])];
        Differentiable = Positions(call.Attributes, "differentiable", _inputs.Length) ?? [.. Enumerable.Range(0, _inputs.Length).Where(i => _inputs[i].DataType.IsFloating())];
        if (Array.FindIndex(Differentiable, i => !_inputs[i].DataType.IsFloating()) is >= 0 and var at)
            throw call.InvalidAttribute($"input {Differentiable[at]} is {_inputs[Differentiable[at]]} and has no gradient");
    }

    /// <summary>Positions of the inputs that the backward half gives gradients for.</summary>
    public int[] Differentiable { get; }

    /// <summary>Checks what needs no types.</summary>
    /// <exception cref="GradientsException">INVALID_ATTRIBUTE.</exception>
    public static int CountOutputs(Attributes attributes, int inputs)
    {
        var (types, like, inputTypes) = (attributes.Types("types"), attributes.Ints("like"), attributes.Types("input_types"));
        if (attributes.Text("name", "").Length is 0 or > 256)
            throw Invalid("a name has 1 to 256 characters");
        if (types is not null && like is not null)
            throw Invalid("the outputs' types are given by types or by like, not by both");
        if (types is { Length: 0 } || like is { Length: 0 })
            throw Invalid("there is at least one output");
        if (types is null && (like ?? [0]).Any(i => i < 0 || i >= inputs))
            throw Invalid($"like names positions of the {inputs} inputs");
        if (inputTypes is { Length: var declared } && declared != inputs)
            throw Invalid($"input_types declares {declared} inputs; there are {inputs}");
        var symbols = (inputTypes ?? []).SelectMany(t => t.Dimensions).Select(d => d.Symbol).ToHashSet();
        if ((types ?? []).SelectMany(t => t.Dimensions).FirstOrDefault(d => d.Symbol is not null && !symbols.Contains(d.Symbol)).Symbol is { } free)
            throw Invalid($"the dimension '{free}' of types is not in input_types");
        var outputs = types?.Length ?? like?.Length ?? 1;
        Positions(attributes, "differentiable", inputs);
        Positions(attributes, "saved_inputs", inputs);
        Positions(attributes, "saved_outputs", outputs);
        return outputs;
    }

    public CalloutCall Call(CalloutPhase phase) => new(
        _call.Attributes.Text("name", ""),
        phase,
        _inputs,
        _outputs,
        Positions(_call.Attributes, "saved_inputs", _inputs.Length) ?? [.. Enumerable.Range(0, _inputs.Length)],
        Positions(_call.Attributes, "saved_outputs", _outputs.Length) ?? [.. Enumerable.Range(0, _outputs.Length)]);

    private static int[]? Positions(Attributes attributes, string name, int count)
    {
        if (attributes.Ints(name) is not { } positions)
            return null;
        if (positions.Any(p => p < 0 || p >= count) || positions.Distinct().Count() != positions.Length)
            throw Invalid($"{name} names each of the positions 0 to {count - 1} at most once");
        return Array.ConvertAll(positions, p => (int)p);
    }

    private void BindInputs()
    {
        if (_call.Attributes.Types("input_types") is not { } declared)
            return;
        for (var i = 0; i < _inputs.Length; i++)
        {
            var (type, shape) = (declared[i], _inputs[i].Shape);
            if (type.DataType != _inputs[i].DataType)
                throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"Custom: input {i} is {_inputs[i]}; {type} is declared.");
            if (shape.Rank != type.Dimensions.Count || !Enumerable.Range(0, shape.Rank).All(d => Fits(type.Dimensions[d], shape[d])))
                throw _call.ShapeMismatch($"input {i} does not fit {type}");
        }
    }

    private bool Fits(Dimension declared, long size)
    {
        if (declared.Symbol is null)
            return declared.Size == size;
        _symbols.TryAdd(declared.Symbol, size);
        return _symbols[declared.Symbol] == size;
    }

    private NodeType Bound(TensorType type) =>
        new(type.DataType, new Shape([.. type.Dimensions.Select(d => d.Symbol is { } symbol ? _symbols[symbol] : d.Size)]));

    private static GradientsException Invalid(string message) => GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"Custom: {message}.");
}
