using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>
/// A compiled request, shared by every session that asks for the same. Inputs of its plans are the sources in canonical
/// order, then a cotangent for each root that has one, then (backward only) the residuals.
/// </summary>
public sealed class CompiledProgram
{
    /// <summary>So many nodes a definition becomes with its gradient, roughly: the room that is made.</summary>
    private const int NodesPerDefinition = 4;

    private CompiledProgram(Plan forward, Plan? backward, NodeType[] roots, NodeType[] wrt, bool[] absent, NodeType[] residuals)
    {
        Forward = forward;
        Backward = backward;
        Roots = roots;
        Wrt = wrt;
        Absent = absent;
        Residuals = residuals;
    }

    /// <summary>
    /// Joint: outputs are the fetches, then the gradients that are present. Split: fetches, then residuals.
    /// </summary>
    public Plan Forward { get; }

    /// <summary>Only when split: outputs are the gradients that are present.</summary>
    public Plan? Backward { get; }

    public NodeType[] Roots { get; }

    public NodeType[] Wrt { get; }

    /// <summary>For each wrt value, whether no differentiable path leads from it to a root.</summary>
    public bool[] Absent { get; }

    /// <summary>What the forward plan keeps for the backward plan.</summary>
    public NodeType[] Residuals { get; }

    public long Footprint => Forward.Footprint + (Backward?.Footprint ?? 0);

    /// <summary>Nodes that the definitions expand to.</summary>
    /// <exception cref="GradientsException">COMPUTE_QUOTA: more than allowed.</exception>
    internal static long ExpandedNodesOf(Subgraph subgraph, int maxNodes)
    {
        var expanded = FunctionDefinition.ExpandedNodesOf(subgraph.Nodes);
        if (expanded > maxNodes)
            throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"The request expands to {expanded} nodes; the limit is {maxNodes}.")
                .Limited("max_expanded_nodes", expanded.ToString(), "server");
        return expanded;
    }

    /// <summary>Expands, differentiates and plans.</summary>
    public static CompiledProgram Compile(ProgramRequest request, Subgraph subgraph, IReadOnlyList<NodeType> sourceTypes, int maxNodes, CancellationToken cancellation)
    {
        var expected = ExpandedNodesOf(subgraph, maxNodes) * (request.Roots.Count > 0 ? NodesPerDefinition : 1);
        var builder = new GraphBuilder(maxNodes, (int)Math.Min(maxNodes, expected)) { Cancellation = cancellation };
        var expansion = new Expansion(builder, subgraph);
        expansion.Run(sourceTypes);
        var fetches = request.Fetches.ConvertAll(v => expansion[v]);
        var roots = request.Roots.ConvertAll(v => expansion[v]);
        var wrt = request.Wrt.ConvertAll(v => expansion[v]);
        var inputs = sourceTypes.ToList();
        var cotangents = new Node?[roots.Count];
        for (var i = 0; i < roots.Count; i++)
        {
            if (!request.HasCotangent[i])
                continue;
            cotangents[i] = builder.Input(roots[i].DataType, roots[i].Shape, inputs.Count);
            inputs.Add(roots[i].Type);
        }

        var forwardNodes = builder.Nodes.Count;
        var gradients = ReverseMode.Gradients(roots, cotangents, wrt);
        var present = gradients.Where(g => g is not null).Select(g => g!).ToList();
        var absent = Array.ConvertAll(gradients, g => g is null);
        var none = new Dictionary<Node, int>();
        if (!request.Split)
        {
            var joint = Planner.Compile(builder, [.. fetches, .. present], inputs, none, request.Fusion, forwardNodes);
            return new CompiledProgram(joint, null, Types(roots), Types(wrt), absent, []);
        }

        var residuals = FindResiduals(builder, [.. fetches, .. roots], present);
        var forward = Planner.Compile(builder, [.. fetches, .. residuals], sourceTypes, none, request.Fusion, forwardNodes);
        var boundary = new Dictionary<Node, int>();
        foreach (var residual in residuals)
        {
            boundary.Add(residual, inputs.Count);
            inputs.Add(residual.Type);
        }

        var backward = Planner.Compile(builder, present, inputs, boundary, request.Fusion, forwardNodes);
        return new CompiledProgram(forward, backward, Types(roots), Types(wrt), absent, Types(residuals));
    }

    /// <summary>
    /// Plans one update of a parameter: inputs are the parameter, its gradient, the state, then the scalars; outputs the
    /// new parameter and the new state.
    /// </summary>
    public static CompiledProgram CompileUpdate(Func<Node, Node, Node[], Node[], Node[]> build, NodeType type, int stateCount, int scalarCount, CancellationToken cancellation)
    {
        var builder = new GraphBuilder { Cancellation = cancellation };
        var inputs = new List<NodeType>();
        Node Input(NodeType t)
        {
            inputs.Add(t);
            return builder.Input(t.DataType, t.Shape, inputs.Count - 1);
        }

        var parameter = Input(type);
        var gradient = Input(type);
        var state = Enumerable.Range(0, stateCount).Select(_ => Input(type)).ToArray();
        var scalars = Enumerable.Range(0, scalarCount).Select(_ => Input(new NodeType(type.DataType, Shape.Scalar))).ToArray();
        var outputs = build(parameter, gradient, state, scalars);
        var plan = Planner.Compile(builder, outputs, inputs, new Dictionary<Node, int>(), fusion: true, builder.Nodes.Count);
        return new CompiledProgram(plan, null, [], [], [], []);
    }

    private static NodeType[] Types(List<Node> nodes) => [.. nodes.Select(n => n.Type)];

    /// <summary>
    /// The forward values that backward reads: exactly those must be kept. A view is not kept but its base, sources are
    /// kept by the run anyway, constants by the plan.
    /// </summary>
    private static List<Node> FindResiduals(GraphBuilder builder, List<Node> forwardRoots, List<Node> gradients)
    {
        var forward = Reachability.Of(builder.Nodes, forwardRoots);
        KeepCallouts(builder, forward);
        var residuals = new List<Node>();
        Reachability.Of(builder.Nodes, gradients, node =>
        {
            if (forward[node.Index] == 0 || node.Op is null or ViewOp)
                return false;
            residuals.Add(node);
            return true;
        });
        residuals.Reverse();
        return residuals;
    }

    /// <summary>What a call-out of the forward half has given besides what was needed is kept, or the client would be asked again.</summary>
    private static void KeepCallouts(GraphBuilder builder, byte[] forward)
    {
        var asked = builder.Nodes.Where(n => forward[n.Index] > 0).Select(n => (n.Payload as CalloutValue)?.Call).OfType<CalloutCall>().ToHashSet();
        if (asked.Count == 0)
            return;
        foreach (var node in builder.Nodes)
        {
            if (node.Payload is CalloutValue value && asked.Contains(value.Call))
                forward[node.Index] = Reachability.Many;
        }
    }
}
