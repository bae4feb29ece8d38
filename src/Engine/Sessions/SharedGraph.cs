using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// A graph that is checked once and then evaluated by any number of sessions at the same time. It never changes. What a
/// request reaches in it is found once for each way of asking, so that asking again costs neither a check nor a traversal.
/// </summary>
public sealed class SharedGraph
{
    /// <summary>What is remembered of requests takes at most as much as the graph and this.</summary>
    private const long SpareBytes = 4096;

    // Guards what is remembered, never for long: a request that asks as others did waits for no compilation.
    private readonly Lock _gate = new();

    // Positions are noted in the nodes themselves, so that one traverses at a time.
    private readonly Lock _traversal = new();
    private readonly Subgraph _subgraph = new();
    private readonly Dictionary<byte[], Reached> _reached = new(ByContent.Instance);
    private readonly Dictionary<byte[], ulong[]> _variables = new(ByContent.Instance);
    private readonly long _mostRemembered;
    private long _remembered;

    /// <exception cref="GradientsException">Something is wrong with a function or a node; the metadata name it.</exception>
    public SharedGraph(FunctionSpec[] functions, NodeSpec[] nodes, GraphLimits limits)
    {
        Functions = functions;
        Nodes = nodes;
        Definition = new GraphDefinition(limits, OpCatalog.Find);
        Definition.Add(functions, nodes);
        Digest = GraphDigest.Of(functions, nodes);
        _mostRemembered = Definition.HeldBytes + SpareBytes;
    }

    public IReadOnlyList<FunctionSpec> Functions { get; }

    public IReadOnlyList<NodeSpec> Nodes { get; }

    /// <summary>Of ids, ops, attributes and functions: 64 lower-case hexadecimal digits.</summary>
    public string Digest { get; }

    internal GraphDefinition Definition { get; }

    /// <summary>Bytes of managed memory that such a graph takes at most, roughly, with what it remembers of requests.</summary>
    public static long BytesOf(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes) =>
        (2 * (nodes.Sum(GraphFootprint.Of) + functions.Sum(GraphFootprint.Of))) + SpareBytes;

    /// <summary>What the request reaches.</summary>
    /// <param name="writer">Scratch.</param>
    internal Reached Reach(ProgramRequest request, CanonicalWriter writer)
    {
        WriteAsked(request, writer);
        lock (_gate)
        {
            if (_reached.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(writer.Written, out var known))
                return known;
        }

        var asked = writer.Written.ToArray();
        Reached reached;
        lock (_traversal)
        {
            PlanKey.WriteStructure(request, _subgraph, writer);
            reached = new Reached(writer.Written.ToArray(), [.. _subgraph.Nodes], [.. _subgraph.Sources]);
        }

        lock (_gate)
        {
            if (!_reached.ContainsKey(asked) && HasRoom(asked.Length + reached.Bytes))
                _reached.Add(asked, reached);
            return reached;
        }
    }

    /// <summary>The floating variables that values depend on, in canonical order.</summary>
    /// <param name="writer">Scratch.</param>
    internal ulong[] VariablesUnder(IReadOnlyList<ulong> values, CanonicalWriter writer)
    {
        writer.Clear();
        foreach (var id in values)
            writer.Write((long)id);
        lock (_gate)
        {
            if (_variables.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(writer.Written, out var known))
                return known;
        }

        ulong[] found;
        lock (_traversal)
            found = Definition.VariablesUnder(values, _subgraph);
        var asked = writer.Written.ToArray();
        lock (_gate)
        {
            if (!_variables.ContainsKey(asked) && HasRoom(asked.Length + (sizeof(ulong) * found.Length) + Reached.Overhead))
                _variables.Add(asked, found);
            return found;
        }
    }

    /// <summary>Compiles over the graph, one program at a time.</summary>
    internal CompiledProgram Compile(ProgramRequest request, Func<Subgraph, CompiledProgram> compile)
    {
        lock (_traversal)
        {
            PlanKey.WriteStructure(request, _subgraph, new CanonicalWriter());
            return compile(_subgraph);
        }
    }

    private static void WriteAsked(ProgramRequest request, CanonicalWriter writer)
    {
        writer.Clear();
        writer.Write((byte)((request.Split ? 1 : 0) | (request.Fusion ? 2 : 0)));
        Write(writer, request.Fetches);
        Write(writer, request.Roots);
        foreach (var has in request.HasCotangent)
            writer.Write(has ? (byte)1 : (byte)0);
        Write(writer, request.Wrt);
    }

    private static void Write(CanonicalWriter writer, List<Value> values)
    {
        writer.Write(values.Count);
        foreach (var value in values)
        {
            writer.Write((long)value.Node.Id);
            writer.Write(value.Output);
        }
    }

    /// <summary>Counts what is to be remembered. Without room everything else is forgotten first: it is found anew when it is asked for.</summary>
    private bool HasRoom(long bytes)
    {
        if (bytes > _mostRemembered)
            return false;
        if (bytes > _mostRemembered - _remembered)
        {
            _reached.Clear();
            _variables.Clear();
            _remembered = 0;
        }

        _remembered += bytes;
        return true;
    }
}

/// <summary>What a request reaches in a graph: the beginning of its plan's key, its definitions in order, and which of them are fed.</summary>
internal sealed record Reached(byte[] Structure, NodeDefinition[] Nodes, NodeDefinition[] Sources)
{
    public const long Overhead = 256;

    public long Bytes => Structure.Length + ((long)(Nodes.Length + Sources.Length) * nint.Size) + Overhead;
}
