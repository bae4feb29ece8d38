using System.Collections.Immutable;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

public sealed record GraphLimits
{
    /// <summary>The most nodes that are defined at one time, those in functions included. The default value is 1,000,000.</summary>
    public int MaxNodes { get; init; } = 1_000_000;

    /// <summary>The most functions. The default value is 1,000.</summary>
    public int MaxFunctions { get; init; } = 1_000;

    /// <summary>The most nodes that a request may expand to, functions and gradients included. The default value is 4,000,000.</summary>
    public int MaxExpandedNodes { get; init; } = 4_000_000;

    /// <summary>The most bytes in constants. The default value is 256 MiB.</summary>
    public long MaxConstantBytes { get; init; } = 256L << 20;
}

/// <summary>
/// An append-only graph of definitions. Inputs refer to earlier nodes, so it has no cycles. Nodes are added all or none.
/// A released node's id is free at once; its memory goes when nothing defined depends on it any more.
/// </summary>
public sealed class GraphDefinition(GraphLimits limits, Func<string, Op?> findOp)
{
    private static readonly NodeSpec ParameterSpec = new(0, "Parameter", [], Attributes.None);

    private readonly Dictionary<ulong, Value> _values = [];
    private readonly Dictionary<string, FunctionDefinition> _functions = [];
    private readonly Dictionary<ulong, NodeDefinition> _variables = [];
    private int _nodeCount;
    private int _functionNodes;
    private long _constantBytes;
    private long _heldBytes;
    private long _releases;

    /// <summary>Nodes that hold memory, released ones that are still used included.</summary>
    public int NodeCount => _nodeCount;

    /// <summary>Nodes that hold memory, those in functions included.</summary>
    internal long HeldNodes => _nodeCount + (long)_functionNodes;

    /// <summary>Bytes of all definitions, roughly.</summary>
    internal long HeldBytes => _heldBytes;

    /// <summary>How many nodes were released so far.</summary>
    internal long Releases => _releases;

    public IReadOnlyDictionary<ulong, NodeDefinition> Variables => _variables;

    /// <summary>A value by its id.</summary>
    /// <exception cref="GradientsException">VALUE_NOT_FOUND.</exception>
    public Value this[ulong id] => _values.TryGetValue(id, out var value)
        ? value
        : throw GradientsException.NotFound(ErrorReasons.ValueNotFound, $"No value has the id {id}.").With("node", id.ToString());

    /// <summary>The floating variables that values depend on, in canonical order.</summary>
    internal ulong[] VariablesUnder(IReadOnlyList<ulong> values, Subgraph subgraph)
    {
        subgraph.Start();
        foreach (var id in values)
            subgraph.Add(this[id]);
        var variables = new ulong[subgraph.Sources.Count];
        var count = 0;
        for (var i = 0; i < subgraph.Sources.Count; i++)
        {
            var node = subgraph.Sources[i];
            if (node.Op == StructuralOp.Variable && !node.Released && ((TensorType)node.Attributes.Find("type")!).DataType.IsFloating())
                variables[count++] = node.Id;
        }

        return variables[..count];
    }

    public bool Contains(ulong id) => _values.ContainsKey(id);

    /// <summary>Adds functions, then nodes: all of them or, on error, none.</summary>
    public void Add(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes)
    {
        var addedFunctions = new List<string>();
        var added = new List<NodeDefinition>();
        try
        {
            foreach (var function in functions)
            {
                AddFunction(function);
                addedFunctions.Add(function.Name);
            }

            foreach (var spec in nodes)
            {
                try
                {
                    added.Add(AddNode(spec, nodes));
                }
                catch (GradientsException e)
                {
                    throw e.With("node", spec.Id.ToString()).With("op", spec.Op);
                }
            }
        }
        catch
        {
            for (var i = added.Count - 1; i >= 0; i--)
                Release(added[i].Id);
            foreach (var name in addedFunctions)
                ReleaseFunction(name);
            throw;
        }
    }

    /// <summary>Forgets a node by any of its outputs' ids. Unknown ids are ignored: releasing twice is no error.</summary>
    public void Release(ulong id)
    {
        if (!_values.TryGetValue(id, out var value))
            return;
        var node = value.Node;
        _values.Remove(node.Id);
        foreach (var extra in node.AdditionalOutputs)
            _values.Remove(extra);
        _variables.Remove(node.Id);
        node.Released = true;
        _releases++;
        if (node.Uses != 0)
            return;
        var unused = new Stack<NodeDefinition>([node]);
        while (unused.TryPop(out var gone))
        {
            _nodeCount--;
            _heldBytes -= GraphFootprint.Of(gone);
            if (gone.Op == StructuralOp.Constant)
                _constantBytes -= Subgraph.ConstantOf(gone).ByteCount;
            foreach (var input in gone.Inputs)
            {
                if (input is { } used && --used.Node.Uses == 0 && used.Node.Released)
                    unused.Push(used.Node);
            }
        }
    }

    /// <summary>Forgets a function; what calls it keeps what it needs. Unknown names are ignored.</summary>
    public void ReleaseFunction(string name)
    {
        if (!_functions.Remove(name, out var function))
            return;
        _functionNodes -= function.NodeCount;
        _heldBytes -= GraphFootprint.Of(function);
        _constantBytes -= function.ConstantBytes;
    }

    private GradientsException ConstantsExceeded() =>
        GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The graph's constants exceed {limits.MaxConstantBytes} bytes; upload large tensors and feed them.")
            .Limited("session.max_constant_bytes", limits.MaxConstantBytes.ToString(), SessionLimits.Subject);

    private NodeDefinition AddNode(NodeSpec spec, IReadOnlyList<NodeSpec> request)
    {
        if (_nodeCount + _functionNodes >= limits.MaxNodes)
            throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The graph holds its limit of {limits.MaxNodes} nodes; release some.")
                .Limited("session.max_nodes", (HeldNodes + 1).ToString(), SessionLimits.Subject);
        var node = Resolve(spec, id => _values.TryGetValue(id, out var v) ? v : null, id => _values.ContainsKey(id), request);
        if (node.Op == StructuralOp.Variable)
        {
            if (((TensorType)node.Attributes.Find("type")!).Shape is null)
                throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, "The dimensions of a Variable must be numbers.");
            _variables.Add(node.Id, node);
        }

        if (node.Op == StructuralOp.Constant)
        {
            if (Subgraph.ConstantOf(node).ByteCount > limits.MaxConstantBytes - _constantBytes)
                throw ConstantsExceeded();
            _constantBytes += Subgraph.ConstantOf(node).ByteCount;
        }

        foreach (var input in node.Inputs)
        {
            if (input is { } used)
                used.Node.Uses++;
        }

        _values.Add(node.Id, new Value(node, 0));
        for (var i = 0; i < node.AdditionalOutputs.Length; i++)
            _values.Add(node.AdditionalOutputs[i], new Value(node, i + 1));
        _nodeCount++;
        _heldBytes += GraphFootprint.Of(node);
        return node;
    }

    private void AddFunction(FunctionSpec spec)
    {
        try
        {
            if (string.IsNullOrEmpty(spec.Name) || findOp(spec.Name) is not null)
                throw GradientsException.Invalid(ErrorReasons.InvalidField, $"'{spec.Name}' cannot name a function: it is empty or an op's name.");
            if (_functions.ContainsKey(spec.Name))
                throw new GradientsException(ErrorCode.AlreadyExists, ErrorReasons.FunctionExists, $"A function '{spec.Name}' is defined already.");
            if (_functions.Count >= limits.MaxFunctions)
                throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The session holds its limit of {limits.MaxFunctions} functions.")
                    .Limited("session.max_functions", (_functions.Count + 1).ToString(), SessionLimits.Subject);
            if (spec.Nodes.Length + (long)spec.Parameters.Length > limits.MaxNodes - _nodeCount - _functionNodes)
                throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"With the function the session would hold more than its limit of {limits.MaxNodes} nodes.")
                    .Limited("session.max_nodes", (HeldNodes + spec.Nodes.Length + spec.Parameters.Length).ToString(), SessionLimits.Subject);
            var function = ResolveFunction(spec);
            if (function.ConstantBytes > limits.MaxConstantBytes - _constantBytes)
                throw ConstantsExceeded();
            _functions.Add(spec.Name, function);
            _functionNodes += function.NodeCount;
            _heldBytes += GraphFootprint.Of(function);
            _constantBytes += function.ConstantBytes;
        }
        catch (GradientsException e)
        {
            throw e.With("function", spec.Name);
        }
    }

    private FunctionDefinition ResolveFunction(FunctionSpec spec)
    {
        var scope = new Dictionary<ulong, Value>();
        var parameters = Array.ConvertAll(spec.Parameters, id => new NodeDefinition(ParameterSpec with { Id = id }, StructuralOp.Input, null, []));
        foreach (var parameter in parameters)
        {
            if (parameter.Id == 0 || !scope.TryAdd(parameter.Id, new Value(parameter, 0)))
                throw GradientsException.Invalid(ErrorReasons.NodeExists, $"Parameter id {parameter.Id} is 0 or used twice.");
        }

        var nodes = new List<NodeDefinition>(spec.Nodes.Length);
        foreach (var body in spec.Nodes)
        {
            try
            {
                var node = Resolve(body, id => scope.TryGetValue(id, out var v) ? v : null, scope.ContainsKey, spec.Nodes);
                if (node.Op == StructuralOp.Input || node.Op == StructuralOp.Variable)
                    throw GradientsException.Invalid(ErrorReasons.InvalidField, $"A function's body cannot hold {node.Op.Name}: pass it as a parameter.");
                scope.Add(node.Id, new Value(node, 0));
                for (var i = 0; i < node.AdditionalOutputs.Length; i++)
                    scope.Add(node.AdditionalOutputs[i], new Value(node, i + 1));
                nodes.Add(node);
            }
            catch (GradientsException e)
            {
                throw e.With("node", body.Id.ToString()).With("op", body.Op);
            }
        }

        Value Find(ulong id) => scope.TryGetValue(id, out var v) ? v : throw GradientsException.NotFound(ErrorReasons.ValueNotFound, $"The function has no value {id}.");
        var gradient = spec.Gradient is null or "" ? null : _functions.TryGetValue(spec.Gradient, out var g) ? g
            : throw GradientsException.NotFound(ErrorReasons.FunctionNotFound, $"The gradient function '{spec.Gradient}' is not defined; define it before the function that uses it.");
        var saved = Array.ConvertAll(spec.Saved ?? [], Find);
        if (gradient is not null && (gradient.Parameters.Length != saved.Length + spec.Outputs.Length || gradient.Outputs.Length != parameters.Length))
        {
            throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"The gradient function '{gradient.Name}' must take {saved.Length} saved values and {spec.Outputs.Length} cotangents and return {parameters.Length} gradients; it takes {gradient.Parameters.Length} and returns {gradient.Outputs.Length}.");
        }

        var function = new FunctionDefinition(spec, parameters, [.. nodes], Array.ConvertAll(spec.Outputs, id => id == 0 ? (Value?)null : Find(id)), gradient, saved);
        if (gradient is not null && function.Outputs.Any(o => o is null))
            throw GradientsException.Invalid(ErrorReasons.InvalidField, $"'{spec.Name}' has an absent output and a gradient function; give zeros for the output.");
        if (function.Depth > FunctionDefinition.MaxDepth)
            throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"Function calls nest deeper than {FunctionDefinition.MaxDepth}.")
                .Limited("max_function_depth", function.Depth.ToString(), "server");
        if (function.ExpandedNodes > limits.MaxExpandedNodes)
            throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"One call expands to {function.ExpandedNodes} nodes; the limit is {limits.MaxExpandedNodes}.")
                .Limited("max_expanded_nodes", function.ExpandedNodes.ToString(), "server");
        return function;
    }

    private NodeDefinition Resolve(NodeSpec spec, Func<ulong, Value?> find, Func<ulong, bool> taken, IReadOnlyList<NodeSpec> together)
    {
        if (spec.Id == 0)
            throw GradientsException.Invalid(ErrorReasons.InvalidField, "A node's id must not be 0.");
        if (taken(spec.Id) || spec.AdditionalOutputs.Any(id => id == 0 || id == spec.Id || taken(id)) || spec.AdditionalOutputs.Distinct().Count() != spec.AdditionalOutputs.Length)
            throw new GradientsException(ErrorCode.AlreadyExists, ErrorReasons.NodeExists, $"Node {spec.Id}: an id of its outputs is 0 or in use; ids name values once.");
        var function = _functions.GetValueOrDefault(spec.Op);
        var op = function?.CallOp ?? findOp(spec.Op) ?? throw GradientsException.Unimplemented(ErrorReasons.OpUnsupported, $"There is no op or function named '{spec.Op}'; ListOps names them.");
        var inputs = new Value?[spec.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            var id = spec.Inputs[i];
            if (id == 0)
                continue;
            if (id == spec.Id || spec.AdditionalOutputs.Contains(id))
                throw GradientsException.Invalid(ErrorReasons.GraphCycle, $"Node {spec.Id} has itself as an input.");
            inputs[i] = find(id) ?? throw (together.Any(n => n.Id == id || n.AdditionalOutputs.Contains(id))
                ? GradientsException.Invalid(ErrorReasons.GraphCycle, $"Node {spec.Id} has the input {id}, which is defined after it: inputs refer backwards only.")
                : GradientsException.NotFound(ErrorReasons.ValueNotFound, $"Node {spec.Id} has the input {id}, which is not defined before it."));
        }

        spec = spec with { Attributes = AttributeCheck.Checked(op, spec.Attributes) };
        OpCall.CheckCount(op, inputs);
        CheckCounts(spec, op, function);
        return new NodeDefinition(spec, op, function, inputs);
    }

    private static void CheckCounts(NodeSpec spec, Op op, FunctionDefinition? function)
    {
        var outputs = 1 + spec.AdditionalOutputs.Length;
        var expected = function is not null ? Math.Max(1, function.Outputs.Length) : op.CountOutputs(spec.Attributes, spec.Inputs.Length);
        if (function is not null && (function.Outputs.Length == 0 || function.Outputs.Any(o => o is null)))
            throw GradientsException.Invalid(ErrorReasons.InvalidField, $"'{function.Name}' has an absent output and serves only as a gradient function.");
        if (outputs != expected)
            throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"{spec.Op} has {expected} outputs; ids for {outputs} were given.");
        if (op == StructuralOp.Gradient)
        {
            var roots = spec.Attributes.Int("roots", 1);
            var wrt = spec.Attributes.Int("wrt", 1);
            if (roots < 1 || wrt < 1 || roots > spec.Inputs.Length || wrt > spec.Inputs.Length || roots + wrt > spec.Inputs.Length || spec.Inputs.Length > (2 * roots) + wrt || spec.Inputs.Take((int)(roots + wrt)).Contains(0UL))
                throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"Gradient takes {roots} roots, {wrt} wrt values and at most one cotangent a root; {spec.Inputs.Length} inputs were given.");
        }
    }
}
