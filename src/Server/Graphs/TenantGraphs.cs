using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;

namespace Gradients.Server.Graphs;

/// <summary>The graphs that one tenant stored, by name; nobody else finds them.</summary>
/// <param name="most">How many; above it the one used longest ago is forgotten.</param>
/// <param name="mostBytes">How many bytes, in the same way.</param>
internal sealed class TenantGraphs(GraphStore store, TenantShare tenant, long most, long mostBytes)
{
    private const string Prefix = "graphs/";

    private readonly Dictionary<string, LinkedListNode<StoredGraph>> _byName = [];
    private readonly LinkedList<StoredGraph> _recent = [];

    public int Count => _byName.Count;

    /// <summary>Bytes of the memory budget that they take.</summary>
    public long Bytes { get; private set; }

    /// <summary>Checks a graph and stores it; one that is stored already is returned as it is.</summary>
    /// <exception cref="GradientsException">Something is wrong with the graph; LIMIT_EXCEEDED, MEMORY_BUDGET_EXCEEDED.</exception>
    public StoredGraph Create(ParsedGraph graph)
    {
        var name = Prefix + GraphDigest.Of(graph.Functions, graph.Nodes);
        if (TryFind(name) is { } known)
            return known;
        var bytes = SharedGraph.BytesOf(graph.Functions, graph.Nodes);
        if (bytes > mostBytes)
            throw GradientsException.Exhausted(ErrorReasons.LimitExceeded, $"The graph takes {bytes} bytes; the limit is {mostBytes}.").Limited("max_graph_bytes", bytes.ToString(), tenant.Subject);
        store.Host.Pool.Charge(bytes, tenant.Bytes);
        try
        {
            var limits = new GraphLimits { MaxNodes = store.Options.MaxNodesPerRequest, MaxExpandedNodes = store.Options.MaxExpandedNodes };
            return Add(new StoredGraph(name, new SharedGraph(graph.Functions, graph.Nodes, limits), store.Time.GetUtcNow(), bytes));
        }
        catch (GradientsException e)
        {
            Discharge(bytes);
            throw graph.Locate(e);
        }
    }

    /// <summary>A graph, which counts as used now.</summary>
    /// <exception cref="GradientsException">GRAPH_NOT_FOUND, in the same words whether it never was, is forgotten or is another tenant's.</exception>
    public StoredGraph Find(string name) => TryFind(name) ?? throw NotFound();

    /// <summary>Up to <paramref name="count"/> graphs whose names are behind <paramref name="after"/>, by name.</summary>
    public StoredGraph[] List(string after, int count)
    {
        lock (store.Gate)
            return [.. _recent.Where(g => string.CompareOrdinal(g.Name, after) > 0).OrderBy(g => g.Name, StringComparer.Ordinal).Take(count)];
    }

    public void Delete(string name)
    {
        lock (store.Gate)
            Forget(_byName.GetValueOrDefault(name) ?? throw NotFound());
    }

    /// <summary>Forgets all: the tenant itself is forgotten.</summary>
    public void Clear()
    {
        lock (store.Gate)
        {
            while (Count > 0)
                ForgetOldest();
        }
    }

    /// <summary>Forgets what was used longest ago. The gate is held.</summary>
    public void ForgetOldest() => Forget(_recent.Last!);

    private static GradientsException NotFound() => GradientsException.NotFound(ErrorReasons.GraphNotFound, "No graph of this name is stored: create it, or send the graph itself.");

    private StoredGraph? TryFind(string name)
    {
        lock (store.Gate)
        {
            if (!_byName.TryGetValue(name, out var node))
                return null;
            _recent.Remove(node);
            _recent.AddFirst(node);
            return node.Value;
        }
    }

    private StoredGraph Add(StoredGraph graph)
    {
        lock (store.Gate)
        {
            if (_byName.TryGetValue(graph.Name, out var known))
            {
                // Somebody else was faster.
                Discharge(graph.Bytes);
                return known.Value;
            }

            _byName.Add(graph.Name, _recent.AddFirst(graph));
            Bytes += graph.Bytes;
            store.Added(this, graph.Bytes);
            while (Count > most || Bytes > mostBytes)
                ForgetOldest();
            return graph;
        }
    }

    private void Forget(LinkedListNode<StoredGraph> node)
    {
        _recent.Remove(node);
        _byName.Remove(node.Value.Name);
        Bytes -= node.Value.Bytes;
        store.Forgotten(this, node.Value.Bytes);
        Discharge(node.Value.Bytes);
    }

    private void Discharge(long bytes) => store.Host.Pool.Discharge(bytes, tenant.Bytes);
}
