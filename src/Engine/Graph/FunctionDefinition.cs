using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>A function as a client names it: a body over parameters, optionally with a gradient function.</summary>
/// <param name="Gradient">
/// The name of the gradient function: it takes the saved values, then one cotangent an output, and returns one gradient a
/// parameter, in order; output id 0 gives none for that parameter.
/// </param>
/// <param name="Saved">Ids of body values or parameters that the gradient function is given.</param>
public sealed record FunctionSpec(string Name, ulong[] Parameters, NodeSpec[] Nodes, ulong[] Outputs, string? Gradient = null, ulong[]? Saved = null);

/// <summary>A checked function. It calls only functions defined before it, so calls are acyclic.</summary>
public sealed class FunctionDefinition
{
    public const int MaxDepth = 16;

    internal FunctionDefinition(FunctionSpec spec, NodeDefinition[] parameters, NodeDefinition[] nodes, Value?[] outputs, FunctionDefinition? gradient, Value[] saved)
    {
        Name = spec.Name;
        Parameters = parameters;
        Nodes = nodes;
        Outputs = outputs;
        Gradient = gradient;
        Saved = saved;
        var called = nodes.Where(n => n.Function is not null).Select(n => n.Function!).ToArray();
        Depth = 1 + Math.Max(gradient?.Depth ?? 0, called.Length == 0 ? 0 : called.Max(f => f.Depth));
        NodeCount = parameters.Length + nodes.Length;
        ConstantBytes = nodes.Where(n => n.Op == StructuralOp.Constant).Sum(n => (long)Subgraph.ConstantOf(n).ByteCount);
        ExpandedNodes = ExpandedNodesOf(nodes);
        CallOp = new FunctionCall(this);
        Digest = FunctionDigest.Of(this);
    }

    public string Name { get; }

    /// <summary>Stand-ins for the arguments; they carry no type.</summary>
    public NodeDefinition[] Parameters { get; }

    /// <summary>The body in order of definition.</summary>
    public NodeDefinition[] Nodes { get; }

    /// <summary>Null only in gradient functions, where a parameter has no gradient.</summary>
    public Value?[] Outputs { get; }

    public FunctionDefinition? Gradient { get; }

    public Value[] Saved { get; }

    /// <summary>How deep calls nest, this function included.</summary>
    public int Depth { get; }

    /// <summary>How many nodes and calls one call expands to, known before anything is expanded.</summary>
    public long ExpandedNodes { get; }

    /// <summary>Parameters and nodes of the body.</summary>
    public int NodeCount { get; }

    public long ConstantBytes { get; }

    /// <summary>SHA-256 of the canonical form; names and ids are not in it.</summary>
    public byte[] Digest { get; }

    internal Op CallOp { get; }

    /// <summary>Nodes and calls that definitions expand to, capped at the largest number: an empty body still costs its call.</summary>
    public static long ExpandedNodesOf(IEnumerable<NodeDefinition> nodes) =>
        nodes.Aggregate(0L, (sum, n) => SaturatingAdd(sum, SaturatingAdd(1, n.Function?.ExpandedNodes ?? 0)));

    private static long SaturatingAdd(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;

    private sealed class FunctionCall(FunctionDefinition function) : Op(new OpSchema(function.Name, "A function of the session.", [.. function.Parameters.Select((_, i) => new InputSchema($"parameter{i}", $"T{i}"))])
    {
        Domain = "",
        Types = function.Parameters.Select((_, i) => $"T{i}").ToDictionary(t => t, _ => DataTypes.All),
    })
    {
        public override OpKind Kind => OpKind.Structural;

        public override Outputs Build(OpCall call) => throw new InvalidOperationException("Functions are inlined with their definition.");
    }
}
