using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>A session that holds a network's parameters, whose steps go through the queue and the compute threads.</summary>
internal abstract class SessionStep : IDisposable
{
    private readonly Network _network;

    private protected SessionStep(int threads, Func<BufferPool, Network> create)
    {
        Host = new EngineHost(new EngineOptions { Scheduler = new SchedulerOptions { Threads = threads } });
        _network = create(Host.Pool);
        Session = new GraphSession(Host);
        var setUp = new SetVariablesRequest { Nodes = _network.Nodes, Updates = [.. _network.Parameters.Select(id => new VariableUpdate(id, _network.Values[id]))] };
        Session.SetVariablesAsync(setUp).GetAwaiter().GetResult();
        Backward = new BackwardRequest
        {
            Feeds = _network.Values.Where(v => !_network.Parameters.Contains(v.Key)).ToDictionary(),
            Fetches = [_network.Output],
            Roots = [new GradientRoot(_network.Output)],
        };
    }

    protected EngineHost Host { get; }

    protected GraphSession Session { get; }

    /// <summary>Asks for the loss and the gradients of all parameters.</summary>
    protected BackwardRequest Backward { get; }

    public void Run(int count) => RunAsync(count).GetAwaiter().GetResult();

    protected abstract Task RunAsync(int count);

    protected virtual void DisposeCore()
    {
    }

    public void Dispose()
    {
        DisposeCore();
        Session.Dispose();
        _network.Dispose();
        Host.Dispose();
    }
}

/// <summary>Loss and gradients of all parameters, returned.</summary>
internal sealed class SessionBackwardStep : SessionStep
{
    public SessionBackwardStep(int threads, Func<BufferPool, Network> create)
        : base(threads, create)
    {
    }

    /// <summary>Where the time of one step goes, as a client is told.</summary>
    public ExecutionProfile Profile()
    {
        using var result = Session.BackwardAsync(Backward with { Profile = true }).GetAwaiter().GetResult();
        return result.Profile!;
    }

    protected override async Task RunAsync(int count)
    {
        for (var i = 0; i < count; i++)
            (await Session.BackwardAsync(Backward)).Dispose();
    }
}

/// <summary>Loss returned, gradients of all parameters added to what the session holds.</summary>
internal sealed class SessionAccumulatingStep : SessionStep
{
    public SessionAccumulatingStep(int threads, Func<BufferPool, Network> create)
        : base(threads, create)
    {
    }

    protected override async Task RunAsync(int count)
    {
        var request = Backward with { Mode = GradientMode.Accumulate };
        for (var i = 0; i < count; i++)
            (await Session.BackwardAsync(request)).Dispose();
    }
}

/// <summary>A loop of backward and Adam over data that the session holds, <see cref="Batches"/> batches in order.</summary>
internal sealed class SessionTrainStep : SessionStep
{
    private const int Batches = 16;

    private readonly Dictionary<ulong, Tensor> _data = [];
    private readonly TrainRequest _request;

    public SessionTrainStep(int threads, Func<BufferPool, Network> create)
        : base(threads, create)
    {
        foreach (var (id, batch) in Backward.Feeds)
        {
            var shape = batch.Shape.Dimensions.ToArray();
            shape[0] *= Batches;
            var bytes = Enumerable.Repeat(batch.AsBytes().ToArray(), Batches).SelectMany(b => b).ToArray();
            _data.Add(id, Tensor.FromBytes(Host.Pool, batch.DataType, new Shape(shape), bytes));
        }

        _request = new TrainRequest { Data = _data, BatchSize = Backward.Feeds.First().Value.Shape[0], Roots = Backward.Roots, Optimizer = new Adam() };
    }

    protected override async Task RunAsync(int count) => await Session.TrainAsync(_request with { Steps = count });

    protected override void DisposeCore()
    {
        foreach (var tensor in _data.Values)
            tensor.Dispose();
    }
}

/// <summary>The Adam update of every parameter from its accumulated gradient.</summary>
internal sealed class SessionAdamStep : SessionStep
{
    private readonly ApplyGradientsRequest _request = new() { Optimizer = new Adam() };

    public SessionAdamStep(int threads, Func<BufferPool, Network> create)
        : base(threads, create)
    {
        Session.BackwardAsync(Backward with { Mode = GradientMode.Accumulate }).GetAwaiter().GetResult().Dispose();
    }

    protected override async Task RunAsync(int count)
    {
        for (var i = 0; i < count; i++)
            await Session.ApplyGradientsAsync(_request);
    }
}
