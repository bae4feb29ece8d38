using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// Where one request's sources get their elements: from its feeds, from what a run captured, from the session's variables.
/// </summary>
internal sealed class Bindings(GraphSession session)
{
    private readonly Dictionary<NodeDefinition, Tensor> _bound = [];
    private Dictionary<NodeDefinition, NodeType>? _announced;
    private Dictionary<string, (long Size, ulong Node)>? _symbols;

    /// <summary>Checks feeds against the declarations and takes them.</summary>
    /// <exception cref="GradientsException">VALUE_NOT_FOUND, INVALID_FIELD, DATA_TYPE_MISMATCH, SHAPE_MISMATCH.</exception>
    public void Feed(IReadOnlyDictionary<ulong, Tensor> feeds)
    {
        _bound.EnsureCapacity(feeds.Count);
        foreach (var (id, tensor) in feeds)
            _bound[Check(id, new NodeType(tensor.DataType, tensor.Shape))] = tensor;
    }

    /// <summary>Checks what will be fed later: only its type is known now.</summary>
    /// <exception cref="GradientsException">VALUE_NOT_FOUND, INVALID_FIELD, DATA_TYPE_MISMATCH, SHAPE_MISMATCH.</exception>
    public NodeDefinition Announce(ulong id, NodeType type)
    {
        var node = Check(id, type);
        (_announced ??= [])[node] = type;
        return node;
    }

    /// <summary>Takes what a run saw, where nothing is bound yet.</summary>
    public void Capture(IReadOnlyDictionary<NodeDefinition, Tensor> captured)
    {
        foreach (var (node, tensor) in captured)
            _bound.TryAdd(node, tensor);
    }

    public IReadOnlyDictionary<NodeDefinition, Tensor> Fed => _bound;

    public NodeType TypeOf(NodeDefinition source)
    {
        if (source.Op == StructuralOp.Constant)
            return new NodeType(Subgraph.ConstantOf(source).DataType, Subgraph.ConstantOf(source).Shape);
        if (_announced is not null && _announced.TryGetValue(source, out var announced))
            return announced;
        var tensor = Find(source);
        return new NodeType(tensor.DataType, tensor.Shape);
    }

    /// <summary>Binds all sources but those that were announced only.</summary>
    public void Bind(PlanExecution execution, IReadOnlyList<NodeDefinition> sources)
    {
        for (var slot = 0; slot < sources.Count; slot++)
        {
            if (sources[slot].Op == StructuralOp.Constant)
                execution.Bind(slot, Subgraph.ConstantOf(sources[slot]));
            else if (_announced?.ContainsKey(sources[slot]) != true)
                execution.Bind(slot, Find(sources[slot]));
        }
    }

    /// <summary>Binds a cotangent of its root's type.</summary>
    /// <exception cref="GradientsException">DATA_TYPE_MISMATCH, SHAPE_MISMATCH.</exception>
    public static void BindCotangent(PlanExecution execution, int slot, NodeType root, ulong id, Tensor cotangent)
    {
        if (cotangent.DataType != root.DataType)
            throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"The cotangent of root {id} is {cotangent.DataType.Name()}; the root is {root}.").With("node", id.ToString());
        if (!cotangent.Shape.Equals(root.Shape))
            throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"The cotangent of root {id} has shape {cotangent.Shape}; the root is {root}.").With("node", id.ToString()).With("shapes", $"{root.Shape}, {cotangent.Shape}");
        execution.Bind(slot, cotangent);
    }

    private Tensor Find(NodeDefinition source)
    {
        if (_bound.TryGetValue(source, out var tensor))
            return tensor;
        if (source.Op == StructuralOp.Variable)
        {
            return session.ValueOf(source) ?? throw GradientsException.Precondition(ErrorReasons.VariableNotSet, $"Variable {Describe(source)} has no value: set it first.").With("node", source.Id.ToString());
        }

        throw GradientsException.Invalid(ErrorReasons.FeedMissing, $"Input {Describe(source)} is needed and not fed.").With("node", source.Id.ToString());
    }

    private NodeDefinition Check(ulong id, NodeType tensor)
    {
        var node = session.Graph[id].Node;
        if (node.Op != StructuralOp.Input && node.Op != StructuralOp.Variable)
            throw GradientsException.Invalid(ErrorReasons.InvalidField, $"Node {id} is {node.Op.Name}; only Input and Variable nodes are fed.").With("node", id.ToString());
        var type = (TensorType)node.Attributes.Find("type")!;
        if (tensor.DataType != type.DataType)
            throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"{node.Op.Name} {Describe(node)} is {type}; {tensor.DataType.Name()} was fed.").With("node", node.Id.ToString());
        var fits = tensor.Shape.Rank == type.Dimensions.Count;
        for (var i = 0; fits && i < tensor.Shape.Rank; i++)
        {
            var declared = type.Dimensions[i];
            if (declared.Symbol is null)
            {
                fits = declared.Size == tensor.Shape[i];
                continue;
            }

            _symbols ??= [];
            if (!_symbols.TryAdd(declared.Symbol, (tensor.Shape[i], node.Id)) && _symbols[declared.Symbol] is var known && known.Size != tensor.Shape[i])
            {
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"Dimension '{declared.Symbol}' is {known.Size} in the feed of node {known.Node} and {tensor.Shape[i]} in that of node {node.Id}.").With("node", node.Id.ToString()).With("shapes", tensor.Shape.ToString());
            }
        }

        if (!fits)
            throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"{node.Op.Name} {Describe(node)} is {type}; {tensor.Shape} was fed.").With("node", node.Id.ToString()).With("shapes", $"{type}, {tensor.Shape}");
        return node;
    }

    private static string Describe(NodeDefinition node) =>
        node.Attributes.Find("name") is string name && name.Length > 0 ? $"{node.Id} '{name}'" : $"{node.Id}";
}
