using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// What a session's definitions cost its tenant, by number and by bytes of the memory budget: graphs are managed memory, which
/// the pool does not allocate and the budget must still bound.
/// </summary>
internal sealed class GraphCharge(BufferPool pool, TenantShare tenant)
{
    /// <summary>Bytes of a node while a program is compiled, roughly.</summary>
    private const long ExpandedNodeBytes = 256;

    /// <summary>Nodes that reverse mode adds for one, roughly.</summary>
    private const long GradientFactor = 4;

    private long _nodes;
    private long _bytes;

    /// <summary>Takes what definitions will need, before they are made.</summary>
    /// <exception cref="GradientsException">SESSION_QUOTA, MEMORY_BUDGET_EXCEEDED; nothing is taken then.</exception>
    public void Reserve(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes)
    {
        var count = nodes.Count + functions.Sum(f => f.Nodes.Length + (long)f.Parameters.Length);
        var bytes = nodes.Sum(GraphFootprint.Of) + functions.Sum(GraphFootprint.Of);
        tenant.Nodes?.Take(count);
        try
        {
            pool.Charge(bytes, tenant.Bytes);
        }
        catch
        {
            tenant.Nodes?.Give(count);
            throw;
        }

        _nodes += count;
        _bytes += bytes;
    }

    /// <summary>Gives back what is not, or no longer, defined.</summary>
    public void Settle(GraphDefinition graph)
    {
        var nodes = Math.Min(_nodes, graph.HeldNodes);
        var bytes = Math.Min(_bytes, graph.HeldBytes);
        if (nodes != _nodes)
            tenant.Nodes?.Give(_nodes - nodes);
        if (bytes != _bytes)
            pool.Discharge(_bytes - bytes, tenant.Bytes);
        (_nodes, _bytes) = (nodes, bytes);
    }

    /// <summary>Gives everything back: the session has ended.</summary>
    public void Clear()
    {
        tenant.Nodes?.Give(_nodes);
        pool.Discharge(_bytes, tenant.Bytes);
        (_nodes, _bytes) = (0, 0);
    }

    /// <summary>Compiles with the memory for it counted.</summary>
    public TResult Compile<TResult>(bool gradients, Subgraph subgraph, int maxExpandedNodes, Func<TResult> compile)
    {
        var expanded = Math.Min(maxExpandedNodes, FunctionDefinition.ExpandedNodesOf(subgraph.Nodes));
        var bytes = expanded * ExpandedNodeBytes * (gradients ? GradientFactor : 1);
        pool.Charge(bytes, tenant.Bytes);
        try
        {
            return compile();
        }
        finally
        {
            pool.Discharge(bytes, tenant.Bytes);
        }
    }
}
