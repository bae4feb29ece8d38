using System.Diagnostics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// A network through the graph executor alone: compiled once, then rented, bound, run and disposed on the calling thread, which
/// idle threads help. The outputs go back to the pool unread.
/// </summary>
internal sealed class GraphStep : IDisposable
{
    private static readonly GraphLimits Limits = new() { MaxNodes = 2_000_000, MaxExpandedNodes = 16_000_000 };

    private readonly EngineHost _host;
    private readonly Scheduler? _helpers;
    private readonly Plan _plan;
    private readonly Tensor[] _inputs;

    /// <param name="withGradients">Asks for the gradients of all parameters beside the output.</param>
    public GraphStep(Func<BufferPool, Network> create, int threads, bool withGradients)
    {
        _host = new EngineHost(new EngineOptions { Scheduler = new SchedulerOptions { Threads = Math.Max(1, threads - 1) } });
        _helpers = threads > 1 ? _host.Scheduler : null;
        Network = create(_host.Pool);
        var graph = new GraphDefinition(Limits, OpCatalog.Find);
        graph.Add([], Network.Nodes);
        var request = new ProgramRequest();
        request.Fetches.Add(graph[Network.Output]);
        if (withGradients)
        {
            request.Roots.Add(graph[Network.Output]);
            request.HasCotangent.Add(false);
            request.Wrt.AddRange(Network.Parameters.Select(id => graph[id]));
        }

        var began = Stopwatch.GetTimestamp();
        var subgraph = new Subgraph();
        var key = new CanonicalWriter();
        var types = new List<NodeType>();
        PlanKey.Write(request, subgraph, key, types, node => new NodeType(Network.Values[node.Id].DataType, Network.Values[node.Id].Shape));
        _plan = CompiledProgram.Compile(request, subgraph, types, Limits.MaxExpandedNodes, CancellationToken.None).Forward;
        CompileTime = Stopwatch.GetElapsedTime(began);
        _inputs = [.. subgraph.Sources.Select(node => Network.Values[node.Id])];
    }

    public double Flops => _plan.Flops;

    public TimeSpan CompileTime { get; }

    public Network Network { get; }

    /// <summary>The output, then the gradient of each parameter, from one more run.</summary>
    public double[][] Results()
    {
        using var execution = Bound();
        execution.Run(helpers: _helpers);
        return [.. Enumerable.Range(0, _plan.Outputs.Count).Select(Numbers)];

        double[] Numbers(int output)
        {
            using var tensor = execution.TakeTensor(output);
            return tensor.DataType == DataType.Float64 ? tensor.AsSpan<double>().ToArray() : Array.ConvertAll(tensor.AsSpan<float>().ToArray(), v => (double)v);
        }
    }

    public void Run(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var execution = Bound();
            execution.Run(helpers: _helpers);
        }
    }

    public void Dispose()
    {
        Network.Dispose();
        _host.Dispose();
    }

    private PlanExecution Bound()
    {
        var execution = PlanExecution.Rent(_plan, _host.Pool);
        for (var slot = 0; slot < _inputs.Length; slot++)
            execution.Bind(slot, _inputs[slot]);
        return execution;
    }
}
