namespace Gradients.Engine.Graph;

/// <summary>
/// A node as a client names it. Ids are the client's own, unique in their graph or function and not 0. <see cref="Id"/>
/// names the node and its first output; input id 0 omits an optional input.
/// </summary>
public sealed record NodeSpec(ulong Id, string Op, ulong[] Inputs, Attributes Attributes)
{
    /// <summary>Ids of the second and later outputs.</summary>
    public ulong[] AdditionalOutputs { get; init; } = [];

    /// <summary>For people: shown in errors and profiles.</summary>
    public string? Label { get; init; }
}

/// <summary>One output of a defined node.</summary>
public readonly record struct Value(NodeDefinition Node, int Output);

/// <summary>
/// A node of a client's graph, checked for structure but not yet for shapes: those are bound when a plan is made.
/// </summary>
public sealed class NodeDefinition
{
    internal NodeDefinition(NodeSpec spec, Op op, FunctionDefinition? function, Value?[] inputs)
    {
        Id = spec.Id;
        Op = op;
        Function = function;
        Inputs = inputs;
        Attributes = spec.Attributes;
        AdditionalOutputs = spec.AdditionalOutputs;
        Label = spec.Label;
    }

    public ulong Id { get; }

    /// <summary>The op; for a call of a function, <see cref="FunctionDefinition.CallOp"/>.</summary>
    public Op Op { get; }

    /// <summary>The called function, or null.</summary>
    public FunctionDefinition? Function { get; }

    /// <summary>Null where an optional input is omitted.</summary>
    public Value?[] Inputs { get; }

    public Attributes Attributes { get; }

    public ulong[] AdditionalOutputs { get; }

    public string? Label { get; }

    /// <summary>The op's or function's name.</summary>
    public string OpName => Function?.Name ?? Op.Name;

    /// <summary>How many inputs of defined nodes refer to this one; what is still used outlives its release.</summary>
    internal int Uses { get; set; }

    internal bool Released { get; set; }

    /// <summary>Scratch of <see cref="Subgraph"/>: the traversal that saw the node last, and its position there. In the body of a function its position among parameters and nodes.</summary>
    internal long Mark { get; set; }

    internal int Position { get; set; }
}
