using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>The nodes and names of the text, or of one function in it.</summary>
internal sealed class NodeScope(TextState state, bool function)
{
    private readonly List<NodeSpec> _nodes = [];
    private readonly Dictionary<ulong, ulong> _renamed = [];
    private readonly HashSet<ulong> _fresh = [];
    private readonly Dictionary<ConstantData, ulong> _constants = [];

    public TextState State => state;

    public bool IsFunction => function;

    public Dictionary<string, Operand> Names { get; } = [];

    /// <summary>Adds a node; literals among the inputs become constants of the type of the values beside them.</summary>
    public Operand Add(string op, Operand[] inputs, TextPosition at, params (string, object)[] attributes)
    {
        var schema = OpCatalog.Find(op)?.Schema;
        var read = new Operand[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            read[i] = Materialize(inputs[i], IsUntyped(inputs[i]) ? LiteralType(schema, inputs, i) : default);
        var node = AddNode(op, Array.ConvertAll(read, r => r.Value), Attributes.Of(attributes), at);
        _fresh.Add(node.Id);
        return new Operand(at, node.Id, TypeOf(node, schema, read));
    }

    /// <summary>Declares an input or variable under its own id.</summary>
    public void Declare(TextBinding binding)
    {
        state.CountNode(new TextPosition(1, 1));
        var attributes = Attributes.Of(("type", binding.Type!), ("name", binding.Name));
        _nodes.Add(new NodeSpec(binding.Value, binding.Variable ? "Variable" : "Input", [], attributes) { Label = binding.Name });
        Names[binding.Name] = new Operand(default, binding.Value, binding.Type!.DataType);
        SeeInput(binding.Type);
    }

    /// <summary>Gives the last node further outputs.</summary>
    public Operand[] Split(Operand value, int outputs)
    {
        if (value.Value == 0 || _nodes.Count == 0 || _nodes[^1].Id != value.Value)
            throw value.At.Fault("several names are assigned from one call.");
        var more = Enumerable.Range(1, outputs - 1).Select(_ => state.NextId()).ToArray();
        _nodes[^1] = _nodes[^1] with { AdditionalOutputs = more };
        _fresh.UnionWith(more);
        var type = _nodes[^1].Op == "Gradient" ? value.Type : null;
        return [value, .. more.Select(id => new Operand(value.At, id, type))];
    }

    /// <summary>The operand under a given id: renamed when it is new, else through Identity.</summary>
    public Operand Rename(Operand operand, ulong id)
    {
        var value = operand.Literal is null ? operand : Materialize(operand, state.Floating ?? DataType.Float32);
        if (value.IsNone)
            throw operand.At.Fault("none is no value.");
        if (IdOf(value.Value) == id)
            return value;
        if (!_fresh.Remove(value.Value))
        {
            value = Add("Identity", [value], operand.At);
            _fresh.Remove(value.Value);
        }

        _renamed.Add(value.Value, id);
        if (!function && state.Positions.Remove(value.Value, out var at))
            state.Positions.TryAdd(id, at);
        return value;
    }

    /// <summary>The id of an output of the text or function; 0 for none.</summary>
    public ulong Output(Operand operand) =>
        operand.Literal is null ? operand.Value : Materialize(operand, state.Floating ?? DataType.Float32).Value;

    public ulong IdOf(ulong id) => _renamed.GetValueOrDefault(id, id);

    public NodeSpec[] Finish() =>
    [
        .. _nodes.Select(n => n with { Id = IdOf(n.Id), Inputs = Array.ConvertAll(n.Inputs, IdOf), AdditionalOutputs = Array.ConvertAll(n.AdditionalOutputs, IdOf) }),
    ];

    private NodeSpec AddNode(string op, ulong[] inputs, Attributes attributes, TextPosition at)
    {
        state.CountNode(at);
        var node = new NodeSpec(state.NextId(), op, inputs, attributes) { Label = at.ToString() };
        _nodes.Add(node);
        state.Positions.Add(node.Id, at);
        if (op is "Input" or "Variable" && attributes.Find("type") is TensorType declared)
            SeeInput(declared);
        return node;
    }

    private void SeeInput(TensorType type) => state.Floating ??= type.DataType.IsFloating() ? type.DataType : null;

    private Operand Materialize(Operand operand, DataType type)
    {
        var data = operand.Literal switch
        {
            null => null,
            NumberLiteral number => Literals.Constant(type, Shape.Scalar, [number], operand.At),
            NumberLiteral[] list => Literals.Constant(type, new Shape(list.Length), [.. list.Cast<object>()], operand.At),
            bool truth => ConstantData.Of<bool>(Shape.Scalar, [truth]),
            ConstantData constant => constant,
            _ => throw operand.At.Fault("a text or type is no value; attributes are written name=value."),
        };
        if (data is null)
            return operand;
        if (!_constants.TryGetValue(data, out var id))
        {
            id = AddNode("Constant", [], Attributes.Of(("value", data)), operand.At).Id;
            _constants.Add(data, id);
        }

        return new Operand(operand.At, id, data.DataType);
    }

    private DataType LiteralType(OpSchema? schema, Operand[] inputs, int position)
    {
        var variable = schema?.Input(position)?.TypeVariable;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (variable is not null && schema!.Input(i)?.TypeVariable == variable && Known(inputs[i]) is { } same)
                return same;
        }

        var allowed = variable is not null && schema!.Types.TryGetValue(variable, out var types) ? types : DataTypes.All;
        if (allowed.Length == 1)
            return allowed[0];
        foreach (var input in inputs)
        {
            if (Known(input) is { } beside && beside.IsFloating() && allowed.Contains(beside))
                return beside;
        }

        return state.Floating ?? DataType.Float32;
    }

    private static bool IsUntyped(Operand operand) => operand.Literal is NumberLiteral or NumberLiteral[];

    private static DataType? Known(Operand operand) => operand.Type ?? (operand.Literal as ConstantData)?.DataType;

    private static DataType? TypeOf(NodeSpec node, OpSchema? schema, Operand[] inputs)
    {
        switch (node.Op)
        {
            case "Equal" or "Less" or "Greater":
                return DataType.Bool;
            case "Shape":
                return DataType.Int64;
            case "Cast":
                return node.Attributes.Find("to") as DataType?;
            case "Constant":
                return (node.Attributes.Find("value") as ConstantData)?.DataType;
            case "Input" or "Variable":
                return (node.Attributes.Find("type") as TensorType)?.DataType;
            case "Gradient":
                return node.Attributes.Int("roots", 1) is var roots && roots >= 0 && roots < inputs.Length ? inputs[roots].Type : null;
        }

        for (var i = 0; i < inputs.Length; i++)
        {
            if (schema?.Input(i)?.TypeVariable == "T" && inputs[i].Type is { } type)
                return type;
        }

        return null;
    }
}
