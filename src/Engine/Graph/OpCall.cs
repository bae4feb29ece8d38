using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>An op about to be added: its inputs (null where an optional one is omitted) and attributes.</summary>
public readonly struct OpCall(GraphBuilder builder, Op op, Node?[] inputs, Attributes attributes)
{
    private readonly Node?[] _inputs = inputs;

    public GraphBuilder Builder { get; } = builder;

    public Op Op { get; } = op;

    public Attributes Attributes { get; } = attributes;

    public int InputCount => _inputs.Length;

    /// <summary>The inputs of an op none of whose inputs is omitted.</summary>
    public Node[] Inputs => _inputs!;

    /// <summary>An optional input, null when it is omitted.</summary>
    public Node? Optional(int position) => position < _inputs.Length ? _inputs[position] : null;

    /// <summary>The NumPy broadcast of all inputs' shapes.</summary>
    /// <exception cref="GradientsException">SHAPE_MISMATCH naming the shapes.</exception>
    public Shape BroadcastShape()
    {
        var shape = Inputs[0].Shape;
        for (var i = 1; i < _inputs.Length; i++)
            shape = Shape.TryBroadcast(shape, Inputs[i].Shape) ?? throw ShapeMismatch("The shapes do not broadcast together");
        return shape;
    }

    /// <summary>The elements of an int64 input that must be known while planning: a shape, axes, bounds.</summary>
    /// <exception cref="GradientsException">DYNAMIC_SHAPE when they depend on fed data.</exception>
    public long[] ConstantInts(int position)
    {
        var node = Inputs[position];
        if (node.Constant is null)
        {
            throw GradientsException.Unimplemented(ErrorReasons.DynamicShape, $"{Op.Name} needs its input '{Op.Schema.Input(position)?.Name}' to be known when the plan is made: build it from constants and Shape.");
        }

        return node.Constant.As<long>().ToArray();
    }

    public GradientsException ShapeMismatch(string message) =>
        GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"{Op.Name}: {message}: {DescribeInputs()}.").With("shapes", DescribeInputs());

    public GradientsException InvalidAttribute(string message) =>
        GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"{Op.Name}: {message}.");

    /// <summary>The inputs' types as people read them: float32[2, 3], int64[].</summary>
    public string DescribeInputs() => string.Join(", ", _inputs.Select(i => i is null ? "-" : i.Type.ToString()));

    /// <summary>Checks how many inputs there are and that only optional ones are null.</summary>
    /// <exception cref="GradientsException">INPUT_COUNT_MISMATCH.</exception>
    internal static void CheckCount<T>(Op op, T[] inputs)
    {
        var schema = op.Schema;
        var required = schema.RequiredInputs;
        if (inputs.Length < required || (inputs.Length > 0 && schema.Input(inputs.Length - 1) is null))
        {
            throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"{op.Name} takes {(schema.Inputs is [.., { Variadic: true }] ? $"at least {required}" : required == schema.Inputs.Length ? $"{required}" : $"{required} to {schema.Inputs.Length}")} inputs; {inputs.Length} were given.");
        }

        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i] is null && !schema.Input(i)!.Optional)
                throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"{op.Name}: input '{schema.Input(i)!.Name}' is required.");
        }
    }

    /// <summary>
    /// Checks count and element types against the schema. A 0-d constant of the same kind adopts the type of the others.
    /// </summary>
    internal void Check()
    {
        var schema = Op.Schema;
        CheckCount(Op, _inputs);
        for (var i = 0; i < _inputs.Length; i++)
        {
            if (_inputs[i] is null)
                continue;
            var input = schema.Input(i)!;
            if (!input.Mixed)
                Unify(i, input);
            var allowed = schema.Types[input.TypeVariable];
            if (Array.IndexOf(allowed, _inputs[i]!.DataType) < 0)
            {
                throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"{Op.Name}: input '{input.Name}' is {_inputs[i]!.DataType.Name()}; allowed are {string.Join(", ", allowed.Select(t => t.Name()))}.").With("shapes", DescribeInputs());
            }
        }
    }

    private void Unify(int i, InputSchema input)
    {
        for (var j = 0; j < i; j++)
        {
            if (_inputs[j] is null || Op.Schema.Input(j)!.TypeVariable != input.TypeVariable || _inputs[j]!.DataType == _inputs[i]!.DataType)
                continue;
            if (Adopt(_inputs[i]!, _inputs[j]!.DataType) is { } mine)
                _inputs[i] = mine;
            else if (Adopt(_inputs[j]!, _inputs[i]!.DataType) is { } theirs)
                _inputs[j] = theirs;
            else
                throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"{Op.Name}: inputs '{Op.Schema.Input(j)!.Name}' ({_inputs[j]!.Type}) and '{input.Name}' ({_inputs[i]!.Type}) must have the same element type; add a Cast.").With("shapes", DescribeInputs());
        }
    }

    private Node? Adopt(Node node, DataType type)
    {
        if (node.Constant is not { } constant || node.Shape.Rank != 0 || !type.IsFloating() || !node.DataType.IsFloating())
            return null;
        var value = constant.DataType == DataType.Float32 ? constant.As<float>()[0] : constant.As<double>()[0];
        return Builder.Scalar(type, value);
    }
}
