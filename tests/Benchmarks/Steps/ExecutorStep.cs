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
    private static readonly GraphLimits Limits = new();

    private readonly EngineHost _host;
    private readonly Scheduler? _helpers;
    private readonly Plan _plan;
    private readonly Tensor[] _inputs;

    public ExecutorStep(Func<BufferPool, Network> create, int threads)
    {
        _host = new EngineHost(new EngineOptions { Scheduler = new SchedulerOptions { Threads = Math.Max(1, threads - 1) } });
        _helpers = threads > 1 ? _host.Scheduler : null;
        Network = create(_host.Pool);
        var graph = new GraphDefinition(Limits, OpCatalog.Find);
        graph.Add([], Network.Nodes);
        var request = new ProgramRequest();
        request.Fetches.Add(graph[Network.Loss]);
        request.Roots.Add(graph[Network.Loss]);
        request.HasCotangent.Add(false);
        request.Wrt.AddRange(Network.Parameters.Select(id => graph[id]));
        var subgraph = new Subgraph();
        var key = new CanonicalWriter();
        var types = new List<NodeType>();
        PlanKey.Write(request, subgraph, key, types, node => new NodeType(Network.Values[node.Id].DataType, Network.Values[node.Id].Shape));
        _plan = _host.Plans.Get(key.Written, () => CompiledProgram.Compile(request, subgraph, types, Limits.MaxExpandedNodes, CancellationToken.None), out _).Forward;
        _inputs = [.. subgraph.Sources.Select(node => Network.Values[node.Id])];
    }

    public double Flops => _plan.Flops;

    public Network Network { get; }

    /// <summary>The loss, then the gradient of each parameter, from one more run.</summary>
    public double[][] Results()
    {
        using var execution = PlanExecution.Rent(_plan, _host.Pool);
        for (var slot = 0; slot < _inputs.Length; slot++)
            execution.Bind(slot, _inputs[slot]);
        execution.Run(helpers: _helpers);
        return [.. Enumerable.Range(0, _plan.Outputs.Count).Select(Numbers)];

        double[] Numbers(int output)
        {
            using var tensor = execution.TakeTensor(output);
            return tensor.DataType == DataType.Float64 ? tensor.AsSpan<double>().ToArray() : Array.ConvertAll(tensor.AsSpan<float>().ToArray(), v => (double)v);
        }
    }

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
        Network.Dispose();
        _host.Dispose();
    }
}
