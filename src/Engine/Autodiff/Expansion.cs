using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Autodiff;

/// <summary>
/// Turns definitions into nodes, with the shapes of one request bound: calls are inlined, Gradient nodes are expanded by
/// <see cref="ReverseMode"/>.
/// </summary>
/// <param name="builder">Where the nodes go.</param>
/// <param name="subgraph">The definitions in order; their positions index what this class keeps.</param>
public sealed class Expansion(GraphBuilder builder, Subgraph subgraph)
{
    private readonly Outputs[] _outputs = new Outputs[subgraph.Nodes.Count];

    /// <summary>Expands every definition; sources become inputs of the given types, in order.</summary>
    public void Run(IReadOnlyList<NodeType> sourceTypes)
    {
        var slot = 0;
        foreach (var definition in subgraph.Nodes)
        {
            builder.Origin = OriginOf(definition);
            _outputs[definition.Position] = Subgraph.IsSource(definition) ? Input(sourceTypes[slot], slot++) : Expand(definition, _outputs);
        }

        builder.Origin = NodeOrigin.None;
    }

    /// <summary>Expands what can be: a definition that the types do not fit is left out, with all that depends on it.</summary>
    public void RunWherePossible(Func<NodeDefinition, NodeType> typeOf)
    {
        var slot = 0;
        foreach (var definition in subgraph.Nodes)
        {
            if (definition.Inputs.Any(i => i is { } input && Find(input) is null))
                continue;
            try
            {
                builder.Origin = OriginOf(definition);
                _outputs[definition.Position] = Subgraph.IsSource(definition) ? Input(typeOf(definition), slot++) : Expand(definition, _outputs);
            }
            catch (GradientsException e) when (e.Code != ErrorCode.ResourceExhausted)
            {
                // It fails in the same way where it is computed.
            }
        }

        builder.Origin = NodeOrigin.None;
    }

    /// <summary>The node of a value of the subgraph.</summary>
    public Node this[Value value] => Find(value, _outputs);

    /// <summary>The node of a value; null when it was left out.</summary>
    public Node? Find(Value value) => _outputs[value.Node.Position] is { IsNone: false } outputs ? outputs[value.Output] : null;

    private static NodeOrigin OriginOf(NodeDefinition definition) => new(definition.Id, definition.OpName, definition.Label, definition.Position);

    private Node Input(NodeType type, int slot) => builder.Input(type.DataType, type.Shape, slot);

    /// <param name="scope">By position, what the definitions before this one became.</param>
    private Outputs Expand(NodeDefinition definition, Outputs[] scope)
    {
        if (definition.Op == StructuralOp.Constant)
            return builder.Constant(Subgraph.ConstantOf(definition));
        var inputs = new Node?[definition.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            inputs[i] = definition.Inputs[i] is { } value ? Find(value, scope) : null;
        if (definition.Function is { } function)
            return Call(function, inputs);
        return definition.Op == StructuralOp.Gradient ? Differentiate(definition, inputs) : builder.AddAll(definition.Op, definition.Attributes, inputs);
    }

    private Node[] Call(FunctionDefinition function, Node?[] arguments) =>
        Inline(function, Array.ConvertAll(arguments, i => i ?? throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"'{function.Name}' has an omitted argument.")))!;

    /// <summary>A Gradient node: zeros where no path leads, because a value of the graph cannot be absent.</summary>
    private Node[] Differentiate(NodeDefinition definition, Node?[] inputs)
    {
        var roots = (int)definition.Attributes.Int("roots", 1);
        var wrt = (int)definition.Attributes.Int("wrt", 1);
        var targets = inputs[roots..(roots + wrt)]!;
        var gradients = ReverseMode.Gradients(inputs[..roots]!, inputs[(roots + wrt)..], targets!);
        return [.. gradients.Select((g, i) => g ?? builder.Scalar(targets[i]!.DataType, 0).BroadcastTo(targets[i]!.Shape))];
    }

    /// <summary>Nesting is at most <see cref="FunctionDefinition.MaxDepth"/>, so this recursion is bounded.</summary>
    private Node?[] Inline(FunctionDefinition function, Node[] arguments)
    {
        // The positions of a function count its parameters, then its body.
        var scope = new Outputs[function.NodeCount];
        for (var i = 0; i < arguments.Length; i++)
            scope[i] = arguments[i];
        var origin = builder.Origin;
        foreach (var definition in function.Nodes)
        {
            // Errors and profiles name the call in the client's graph and the op inside.
            builder.Origin = origin with { Op = $"{origin.Op}/{definition.OpName}" };
            scope[definition.Position] = Expand(definition, scope);
        }

        builder.Origin = origin;
        var outputs = Array.ConvertAll(function.Outputs, o => o is { } value ? Find(value, scope) : null);
        return function.Gradient is null ? outputs : WithCustomGradient(function, function.Gradient, arguments, outputs!, scope);
    }

    private Node[] WithCustomGradient(FunctionDefinition function, FunctionDefinition gradient, Node[] arguments, Node[] outputs, Outputs[] scope)
    {
        var origin = builder.Origin;
        Node[] results = [];
        var call = new CustomCall(function.Name, arguments, cotangents =>
        {
            // A saved output is the call's output, so that differentiating again meets the custom rule, not the body.
            var saved = function.Saved.Select(s => Array.FindIndex(function.Outputs, o => o == s) is >= 0 and var i ? results[i] : Find(s, scope));
            builder.Origin = origin;
            return Inline(gradient, [.. saved, .. cotangents]);
        });
        results = Array.ConvertAll(outputs, o => call.AddOutput(builder, o));
        return results;
    }

    private static Node Find(Value value, Outputs[] scope) => scope[value.Node.Position][value.Output];
}
