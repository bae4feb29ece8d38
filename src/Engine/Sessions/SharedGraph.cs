using Gradients.Engine.Graph;
using Gradients.Engine.Ops;

namespace Gradients.Engine.Sessions;

/// <summary>A graph that is checked once and then evaluated by any number of sessions at the same time. It never changes.</summary>
public sealed class SharedGraph
{
    /// <exception cref="GradientsException">Something is wrong with a function or a node; the metadata name it.</exception>
    public SharedGraph(FunctionSpec[] functions, NodeSpec[] nodes, GraphLimits limits)
    {
        Functions = functions;
        Nodes = nodes;
        Definition = new GraphDefinition(limits, OpCatalog.Find);
        Definition.Add(functions, nodes);
        Digest = GraphDigest.Of(functions, nodes);
        Reach = new GraphReach(Definition, share: 1);
    }

    public IReadOnlyList<FunctionSpec> Functions { get; }

    public IReadOnlyList<NodeSpec> Nodes { get; }

    /// <summary>Of ids, ops, attributes and functions: 64 lower-case hexadecimal digits.</summary>
    public string Digest { get; }

    internal GraphDefinition Definition { get; }

    /// <summary>What the requests of all sessions reach.</summary>
    internal GraphReach Reach { get; }

    /// <summary>Bytes of managed memory that such a graph takes at most, roughly, with what it remembers of requests.</summary>
    public static long BytesOf(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes) =>
        (2 * (nodes.Sum(GraphFootprint.Of) + functions.Sum(GraphFootprint.Of))) + GraphReach.SpareBytes;
}
