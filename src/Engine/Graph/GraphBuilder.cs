using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// An append-only graph under construction. Every added op is checked, its shape inferred, and folded at once when all its
/// inputs are constants, so that shapes computed from shapes are known where they are needed.
/// </summary>
/// <param name="maxNodes">The most nodes it takes before COMPUTE_QUOTA; bounds what a small request can expand to.</param>
/// <param name="capacity">About how many there will be.</param>
public sealed class GraphBuilder(int maxNodes = 4_000_000, int capacity = 0)
{
    /// <summary>Folding stops at results of this many elements: larger ones are computed when the plan runs.</summary>
    private const int MaxFoldedElements = 4096;

    private readonly List<Node> _nodes = new(capacity);
    private readonly Dictionary<(DataType, long Bits), Node> _scalars = [];

    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Given to the nodes that are added from now on.</summary>
    public NodeOrigin Origin { get; set; } = NodeOrigin.None;

    /// <summary>Whether constants are folded; the same bits come out either way.</summary>
    public bool Folding { get; init; } = true;

    /// <summary>Called now and then, so that building a large graph can be cancelled.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>A value that is bound when the plan runs.</summary>
    public Node Input(DataType type, Shape shape, int slot) => Append(null, [], Attributes.None, new NodeType(type, shape), slot);

    public Node Constant(ConstantData data) => Append(null, [], Attributes.None, new NodeType(data.DataType, data.Shape), data);

    /// <summary>A 0-d constant; equal ones are one node.</summary>
    public Node Scalar(DataType type, double value)
    {
        // By bits, which tell −0 from 0 and find NaN again.
        var key = (type, BitConverter.DoubleToInt64Bits(value));
        if (!_scalars.TryGetValue(key, out var node))
            _scalars[key] = node = Constant(ConstantData.Scalar(type, value));
        return node;
    }

    /// <summary>A one-dimensional int64 constant, as shapes and axes are.</summary>
    public Node Ints(params ReadOnlySpan<long> values) => Constant(ConstantData.Of(new Shape(values.Length), values));

    /// <summary>Adds an op and returns its first output.</summary>
    public Node Add(Op op, params ReadOnlySpan<Node?> inputs) => Add(op, Attributes.None, inputs);

    /// <summary>Adds an op and returns its first output.</summary>
    public Node Add(Op op, Attributes attributes, params ReadOnlySpan<Node?> inputs) => AddAll(op, attributes, inputs.ToArray())[0];

    /// <summary>Adds an op and returns all its outputs.</summary>
    /// <param name="inputs">The node keeps the array.</param>
    /// <exception cref="GradientsException">When inputs, attributes or shapes do not fit, naming node, op and shapes.</exception>
    public Outputs AddAll(Op op, Attributes attributes, Node?[] inputs)
    {
        var call = new OpCall(this, op, inputs, attributes);
        try
        {
            call.Check();
            return op.Build(call);
        }
        catch (GradientsException e)
        {
            throw Locate(e, op.Name).With("shapes", call.DescribeInputs());
        }
    }

    /// <summary>Names the definition being instantiated in an error.</summary>
    public GradientsException Locate(GradientsException e, string op)
    {
        if (Origin.Id != 0)
            e.With("node", Origin.Id.ToString());
        if (!string.IsNullOrEmpty(Origin.Label))
            e.With("label", Origin.Label);
        return e.With("op", Origin.Op.Length == 0 ? op : Origin.Op);
    }

    /// <summary>Adds a node that carries a payload of its own; it is never folded or merged with another.</summary>
    internal Node AppendCall(PrimitiveOp op, Node[] inputs, object payload) =>
        AppendCall(op, inputs, payload, op.Infer(new OpCall(this, op, inputs, Attributes.None)));

    /// <summary>Adds a node that carries a payload of its own and whose type its payload tells.</summary>
    internal Node AppendCall(PrimitiveOp op, Node[] inputs, object payload, NodeType type) => Append(op, inputs, Attributes.None, type, payload);

    internal Node Append(PrimitiveOp op, OpCall call)
    {
        var node = Append(op, call.Inputs, call.Attributes, op.Infer(call), null);
        if (!Folding || node.Shape.ElementCount > MaxFoldedElements || call.InputCount == 0 || !Array.TrueForAll(call.Inputs, i => i.Constant is not null))
            return node;
        return Constant(ConstantFolding.Evaluate(node));
    }

    private Node Append(PrimitiveOp? op, Node[] inputs, Attributes attributes, NodeType type, object? payload)
    {
        if (_nodes.Count >= maxNodes)
            throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"The graph expands to more than {maxNodes} nodes.");
        if ((_nodes.Count & 1023) == 0)
            Cancellation.ThrowIfCancellationRequested();
        var node = new Node(this, _nodes.Count, op, inputs, attributes, type, payload, Origin);
        _nodes.Add(node);
        return node;
    }
}
