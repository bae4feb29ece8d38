using Gradients.Engine.Execution;
using Gradients.Server.Hosting;

namespace Gradients.Server.Graphs;

/// <summary>
/// What the stored graphs of all tenants take together. Nothing is refused for want of room: whatever was used longest ago is
/// forgotten, and its owner sends it again. Above the whole it is the graph of the tenant that holds most bytes, so a tenant that
/// holds less than its equal part loses nothing to others.
/// </summary>
internal sealed class GraphStore(EngineHost host, GradientsServerOptions options, TimeProvider time)
{
    private readonly HashSet<TenantGraphs> _holders = [];

    public EngineHost Host => host;

    public GradientsServerOptions Options => options;

    public TimeProvider Time => time;

    /// <summary>Guards the graphs of all tenants.</summary>
    public Lock Gate { get; } = new();

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Counts a graph that was added; others go until all of them fit. The gate is held.</summary>
    public void Added(TenantGraphs owner, long bytes)
    {
        _holders.Add(owner);
        Count++;
        Bytes += bytes;
        while (Count > options.MaxGraphs || Bytes > options.GraphStoreBytes)
            _holders.MaxBy(h => h.Bytes)!.ForgetOldest();
    }

    /// <summary>Counts a graph that was forgotten. The gate is held.</summary>
    public void Forgotten(TenantGraphs owner, long bytes)
    {
        Count--;
        Bytes -= bytes;
        if (owner.Count == 0)
            _holders.Remove(owner);
    }
}
