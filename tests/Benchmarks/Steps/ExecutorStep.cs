using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// Loss and gradients of all parameters through the graph executor alone: compiled once, then rented, bound, run and
/// disposed on the calling thread, which idle threads help. The outputs go back to the pool unread.
/// </summary>
internal sealed class ExecutorStep : IStep
{
    private readonly EngineHost _host;
    private readonly Scheduler? _helpers;
    private readonly Network _network;
    private readonly Plan _plan;
    private readonly Tensor[] _inputs;

    public ExecutorStep(Func<BufferPool, Network> create, int threads)
    {
        _host = new EngineHost(new EngineOptions { Scheduler = new SchedulerOptions { Threads = Math.Max(1, threads - 1) } });
        _helpers = threads > 1 ? _host.Scheduler : null;
        _network = create(_host.Pool);
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        graph.Add([], _network.Nodes);
        var request = new ProgramRequest();
        request.Fetches.Add(graph[_network.Loss]);
        request.Roots.Add(graph[_network.Loss]);
        request.HasCotangent.Add(false);
        request.Wrt.AddRange(_network.Parameters.Select(id => graph[id]));
        var subgraph = new Subgraph();
        var key = new CanonicalWriter();
        var types = new List<NodeType>();
        PlanKey.Write(request, subgraph, key, types, node => new NodeType(_network.Values[node.Id].DataType, _network.Values[node.Id].Shape));
        _plan = _host.Plans.Get(key.Written, () => CompiledProgram.Compile(request, subgraph, types, new GraphLimits().MaxExpandedNodes, CancellationToken.None), out _).Forward;
        _inputs = [.. subgraph.Sources.Select(node => _network.Values[node.Id])];
    }

    public double Flops => _plan.Flops;

    public ValueTask RunAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var execution = PlanExecution.Rent(_plan, _host.Pool);
            for (var slot = 0; slot < _inputs.Length; slot++)
                execution.Bind(slot, _inputs[slot]);
            execution.Run(helpers: _helpers);
        }

        return ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        _network.Dispose();
        _host.Dispose();
    }
}
