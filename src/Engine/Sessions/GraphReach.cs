using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;

namespace Gradients.Engine.Sessions;

/// <summary>
/// What requests reach in a graph, found once for each way of asking: asking again costs no traversal, however large the graph.
/// Releasing nodes forgets all of it; adding nodes changes nothing that was reached.
/// </summary>
/// <param name="graph">Grows and shrinks only while nobody else asks.</param>
/// <param name="share">What is remembered takes at most this part of the graph's bytes, and a little.</param>
internal sealed class GraphReach(GraphDefinition graph, double share)
{
    /// <summary>Small graphs remember as much.</summary>
    public const long SpareBytes = 4096;

    // Guards what is remembered, never for long: a request that asks as others did waits for no compilation.
    private readonly Lock _gate = new();

    // Positions are noted in the nodes themselves, so that one traverses at a time.
    private readonly Lock _traversal = new();
    private readonly Subgraph _subgraph = new();
    private readonly Dictionary<byte[], Reached> _reached = new(ByContent.Instance);
    private readonly Dictionary<byte[], ulong[]> _variables = new(ByContent.Instance);
    private long _remembered;
    private long _releases;

    /// <summary>What the request reaches.</summary>
    /// <param name="writer">Scratch.</param>
    public Reached Of(ProgramRequest request, CanonicalWriter writer)
    {
        WriteAsked(request, writer);
        lock (_gate)
        {
            ForgetReleased();
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

    /// <summary>The floating variables that values depend on, in canonical order. The array is everybody's.</summary>
    /// <param name="writer">Scratch.</param>
    public ulong[] VariablesUnder(IReadOnlyList<ulong> values, CanonicalWriter writer)
    {
        writer.Clear();
        for (var i = 0; i < values.Count; i++)
            writer.Write((long)values[i]);
        lock (_gate)
        {
            ForgetReleased();
            if (_variables.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(writer.Written, out var known))
                return known;
        }

        ulong[] found;
        lock (_traversal)
            found = graph.VariablesUnder(values, _subgraph);
        var asked = writer.Written.ToArray();
        lock (_gate)
        {
            if (!_variables.ContainsKey(asked) && HasRoom(asked.Length + (sizeof(ulong) * found.Length) + Reached.Overhead))
                _variables.Add(asked, found);
            return found;
        }
    }

    /// <summary>Compiles over the graph, one program at a time.</summary>
    public CompiledProgram Compile(ProgramRequest request, Func<Subgraph, CompiledProgram> compile)
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

    /// <summary>A released id may name something else by now, and a released variable is none that is differentiated for.</summary>
    private void ForgetReleased()
    {
        if (_releases == graph.Releases)
            return;
        _releases = graph.Releases;
        Forget();
    }

    /// <summary>Counts what is to be remembered. Without room everything else is forgotten first: it is found anew when it is asked for.</summary>
    private bool HasRoom(long bytes)
    {
        var most = (long)(graph.HeldBytes * share) + SpareBytes;
        if (bytes > most)
            return false;
        if (bytes > most - _remembered)
            Forget();
        _remembered += bytes;
        return true;
    }

    private void Forget()
    {
        _reached.Clear();
        _variables.Clear();
        _remembered = 0;
    }
}

/// <summary>What a request reaches in a graph: the beginning of its plan's key, its definitions in order, and which of them are fed.</summary>
internal sealed record Reached(byte[] Structure, NodeDefinition[] Nodes, NodeDefinition[] Sources)
{
    public const long Overhead = 256;

    public long Bytes => Structure.Length + ((long)(Nodes.Length + Sources.Length) * nint.Size) + Overhead;
}
