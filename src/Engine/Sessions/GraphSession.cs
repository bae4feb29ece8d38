using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Ops;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// A client's graph, variables, gradients, optimizer state, runs and tensors. Requests are queued in the order of the calls
/// and run one after the other on compute threads; each either happens as a whole or changes nothing.
/// </summary>
/// <remarks>
/// Every method may be called from any thread and fails with <see cref="GradientsException"/> for what is wrong with the
/// request, or <see cref="OperationCanceledException"/>. Disposing abandons what waits and releases all memory, after what
/// runs has paused.
/// </remarks>
public sealed class GraphSession : IDisposable
{
    /// <summary>So many variables are handled in microseconds.</summary>
    internal const int BriefCount = 16;

    private readonly WorkQueue _queue;
    private readonly SessionLimits _limits;
    private readonly Dictionary<NodeDefinition, VariableState> _variables = [];
    private readonly SessionRuns _runs;
    private readonly SessionTensors _tensors;
    private readonly GraphCharge _charge;
    private readonly SharedGraph? _shared;
    private long _stateBytes;
    private int _closed;

    /// <param name="tenant">Compute time is shared fairly among tenants, then among the sessions of each.</param>
    public GraphSession(EngineHost host, SessionLimits? limits = null, string tenant = "") : this(host, limits, new TenantShare(tenant))
    {
    }

    /// <param name="tenant">Whose quotas the session counts to, and among whom compute time is shared fairly.</param>
    /// <param name="graph">The session's graph, which it then neither adds to nor releases from. Null = one of its own, empty at first.</param>
    public GraphSession(EngineHost host, SessionLimits? limits, TenantShare tenant, SharedGraph? graph = null)
    {
        Host = host;
        Tenant = tenant;
        _limits = limits ?? new SessionLimits();
        _shared = graph;
        Graph = graph?.Definition ?? new GraphDefinition(_limits.Graph, OpCatalog.Find);
        _charge = new GraphCharge(host.Pool, tenant);
        _runs = new SessionRuns(host.Options.Time, _limits, tenant.Runs);
        _tensors = new SessionTensors(_limits);
        Programs = new SessionPrograms(host.Plans, tenant.Name, _limits.Graph.MaxExpandedNodes, graph?.Reach ?? new GraphReach(Graph, GraphFootprint.RememberedShare), _charge);
        _queue = host.Scheduler.CreateQueue(tenant.Name, _limits.MaxQueued);
    }

    /// <summary>Bytes of variables, gradients, optimizer state, runs and tensors, as of the last finished request.</summary>
    public long HeldBytes => Volatile.Read(ref _stateBytes) + _tensors.Bytes;

    /// <summary>Nodes that hold memory.</summary>
    public int NodeCount => Graph.NodeCount;

    public int VariableCount => Graph.Variables.Count;

    public int RunCount => _runs.Count;

    public int TensorCount => _tensors.Count;

    public TenantShare Tenant { get; }

    internal EngineHost Host { get; }

    internal SessionLimits Limits => _limits;

    internal GraphDefinition Graph { get; }

    internal SessionPrograms Programs { get; }

    public Task DefineAsync(DefineRequest request, CancellationToken cancellation = default) => Immediately(request, () => TellTypes(request, cancellation), cancellation);

    /// <summary>Computes the fetched values, in order; with gradients on also keeps a run.</summary>
    public Task<ForwardResult> ForwardAsync(ForwardRequest request, CancellationToken cancellation = default) =>
        Submit(new ForwardCommand(this, request, cancellation));

    public Task<BackwardResult> BackwardAsync(BackwardRequest request, CancellationToken cancellation = default) =>
        Submit(new BackwardCommand(this, request, cancellation));

    public Task<IReadOnlyList<VariableVersion>> SetVariablesAsync(SetVariablesRequest request, CancellationToken cancellation = default) =>
        SetVariablesCommand.Computes(request)
            ? Submit(new SetVariablesCommand(this, request, cancellation))
            : Submit(new ImmediateCommand<IReadOnlyList<VariableVersion>>(this, request, () => SetVariablesCommand.Write(this, request), cancellation) { IsShort = request.Updates.Count <= BriefCount });

    public Task<IReadOnlyList<VariableVersion>> ApplyGradientsAsync(ApplyGradientsRequest request, CancellationToken cancellation = default) =>
        Submit(new ApplyGradientsCommand(this, request, cancellation));

    /// <summary>
    /// Steps the optimizer in a loop. Cancelled or failed behind its first step it has a result that tells how many steps were
    /// applied; before it, it fails and has changed nothing.
    /// </summary>
    public Task<TrainResult> TrainAsync(TrainRequest request, CancellationToken cancellation = default) =>
        Submit(new TrainCommand(this, request, cancellation));

    public Task<VariablesResult> GetVariablesAsync(GetVariablesRequest request, CancellationToken cancellation = default) =>
        Immediately(request, () => Snapshot(request), cancellation, isShort: request.Variables.Count is > 0 and <= BriefCount);

    public Task ZeroGradientsAsync(ZeroGradientsRequest request, CancellationToken cancellation = default) =>
        Immediately(request, () => ZeroGradients(request), cancellation, isShort: !request.KeepZeros && request.Variables.Count is > 0 and <= BriefCount);

    public Task ReleaseAsync(ReleaseRequest request, CancellationToken cancellation = default) =>
        Immediately(request, () => ReleaseAll(request), cancellation);

    /// <summary>Releases what has expired; requests do it too, a session that gets none is swept by its owner.</summary>
    public Task SweepAsync(CancellationToken cancellation = default) => Immediately(new DefineRequest { Trace = default }, () => true, cancellation);

    /// <summary>Keeps a tensor by handle; takes it over also when it is refused.</summary>
    /// <param name="isResult">
    /// The result of a request that has happened already: it is kept even above the quota, which then refuses what comes next.
    /// </param>
    /// <exception cref="GradientsException">SESSION_QUOTA.</exception>
    public ulong AddTensor(Tensor tensor, bool isResult = false)
    {
        try
        {
            if (!isResult)
            {
                _tensors.RequireRoom();
                Reserve(tensor.ByteCount);
            }

            var id = _tensors.Keep(tensor);
            if (Volatile.Read(ref _closed) != 0)
                ReleaseTensor(id);
            return id;
        }
        finally
        {
            tensor.Dispose();
        }
    }

    /// <summary>A share of a kept tensor, which the caller disposes.</summary>
    /// <exception cref="GradientsException">TENSOR_NOT_FOUND.</exception>
    public Tensor FindTensor(ulong id) => _tensors.Find(id);

    /// <summary>Gives a kept tensor back at once, ahead of the queue. Unknown ids are ignored.</summary>
    public void ReleaseTensor(ulong id) => _tensors.Release(id);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
            return;
        var last = new ImmediateCommand<bool>(this, new DefineRequest { Trace = default }, ReleaseEverything, CancellationToken.None) { WaitsAsLongAsNeeded = true };
        if (!_queue.TryClose(last))
            ReleaseEverything();
    }

    /// <summary>What the request waits for is there.</summary>
    internal void Resume(Work command) => _queue.Resume(command);

    internal void Define(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes)
    {
        RequireOwnGraph();
        _charge.Reserve(functions, nodes);
        try
        {
            Graph.Add(functions, nodes);
        }
        finally
        {
            _charge.Settle(Graph);
        }
    }

    internal VariableState StateOf(ulong id)
    {
        var node = Graph[id].Node;
        if (!_variables.TryGetValue(node, out var state))
            _variables[node] = state = new VariableState(node);
        return state;
    }

    internal Tensor? ValueOf(NodeDefinition variable) => _variables.GetValueOrDefault(variable)?.Value;

    /// <exception cref="GradientsException">INVALID_FIELD for an id that is no variable or is named twice.</exception>
    internal void RequireVariables(ulong[] ids, bool floating = true)
    {
        var seen = ids.Length > 1 ? new HashSet<ulong>(ids.Length) : null;
        foreach (var id in ids)
        {
            var node = Graph[id].Node;
            if (node.Op != StructuralOp.Variable)
                throw GradientsException.Invalid(ErrorReasons.InvalidField, $"Node {id} is {node.Op.Name}, not a Variable.").With("node", id.ToString());
            if (floating && !StateOf(id).Type.DataType.IsFloating())
                throw GradientsException.Invalid(ErrorReasons.NotDifferentiableType, $"Variable {id} is {StateOf(id).Type}; only floating variables have gradients.").With("node", id.ToString());
            if (seen?.Add(id) == false)
                throw GradientsException.Invalid(ErrorReasons.InvalidField, $"Variable {id} is named twice.").With("node", id.ToString());
        }
    }

    /// <exception cref="GradientsException">SESSION_QUOTA when the session would hold more than its limit.</exception>
    internal void Reserve(long bytes)
    {
        if (bytes > 0 && bytes > _limits.MaxBytes - HeldBytes)
            throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The session holds {HeldBytes} bytes and would need {bytes} more; its limit is {_limits.MaxBytes}.")
                .Limited("session.max_bytes", bytes.ToString(), SessionLimits.Subject);
    }

    /// <exception cref="GradientsException">SESSION_QUOTA when no further run would be kept.</exception>
    internal void RequireRoom() => _runs.RequireRoom();

    /// <summary>Takes the place of a run that <see cref="Keep"/> keeps next.</summary>
    /// <exception cref="GradientsException">SESSION_QUOTA.</exception>
    internal void TakeRunPlace() => _runs.TakePlace();

    /// <summary>Shares of what was fed and of every variable as it is.</summary>
    internal Dictionary<NodeDefinition, Tensor> Capture(IReadOnlyDictionary<NodeDefinition, Tensor> fed)
    {
        var captured = fed.ToDictionary(f => f.Key, f => f.Value.Share());
        foreach (var (node, state) in _variables)
        {
            if (state.Value is { } value && !captured.ContainsKey(node))
                captured.Add(node, value.Share());
        }

        return captured;
    }

    internal ulong Keep(Run run)
    {
        var id = _runs.Keep(run);
        Count();
        return id;
    }

    /// <exception cref="GradientsException">RUN_RELEASED, RUN_NOT_FOUND.</exception>
    internal Run FindRun(ulong id) => _runs.Find(id);

    internal void ExpireRuns()
    {
        if (_runs.Expire())
            Count();
    }

    internal void ReleaseRun(ulong id)
    {
        _runs.Release(id);
        Count();
    }

    /// <summary>
    /// Adds gradients to the variables' accumulated ones. Memory that is needed is taken first; then nothing can fail.
    /// </summary>
    internal void Accumulate(IReadOnlyList<GradientResult> gradients)
    {
        Reserve(gradients.Sum(g => g.Tensor is { } t && StateOf(g.Value).Gradient is null ? t.ByteCount : 0));
        GradientSum.Commit(gradients, StateOf, Host.Pool, Tenant.Bytes);
        Count();
    }

    private Task<TResult> Immediately<TResult>(SessionRequest request, Func<TResult> action, CancellationToken cancellation, bool isShort = false) =>
        Submit(new ImmediateCommand<TResult>(this, request, AndCount(action), cancellation) { IsShort = isShort });

    private Func<TResult> AndCount<TResult>(Func<TResult> action) => () =>
    {
        var result = action();
        Count();
        return result;
    };

    private Task<TResult> Submit<TResult>(SessionCommand<TResult> command)
    {
        try
        {
            _queue.RunOrEnqueue(command);
            return command.Completion;
        }
        catch (GradientsException e)
        {
            return Task.FromException<TResult>(e);
        }
    }

    private VariablesResult Snapshot(GetVariablesRequest request)
    {
        if (request.Variables.Count > 0)
            RequireVariables([.. request.Variables], floating: false);
        var ids = request.Variables.Count > 0 ? request.Variables : [.. Graph.Variables.Keys.Order()];
        return new VariablesResult([.. ids.Select(id =>
        {
            var state = StateOf(id);
            return new VariableSnapshot(id, state.Definition.Attributes.Find("name") as string, state.Version, state.Value?.Share(), state.Gradient?.Share());
        })]);
    }

    private bool ZeroGradients(ZeroGradientsRequest request)
    {
        if (request.Variables.Count > 0)
            RequireVariables([.. request.Variables]);
        var ids = request.Variables.Count > 0 ? request.Variables : [.. Graph.Variables.Keys];
        GradientSum.Zero(ids.Select(StateOf), request.KeepZeros, Host.Pool, Tenant.Bytes);
        return true;
    }

    private void RequireOwnGraph()
    {
        if (_shared is not null)
            throw new InvalidOperationException("The session's graph belongs to others, too.");
    }

    private bool TellTypes(DefineRequest request, CancellationToken cancellation)
    {
        if (request.Types is null)
            return true;
        try
        {
            request.Types(Programs.TypesOf([.. request.TypedValues.Select(id => Graph[id])], cancellation));
            return true;
        }
        catch
        {
            foreach (var node in request.Nodes)
                Graph.Release(node.Id);
            foreach (var function in request.Functions)
                Graph.ReleaseFunction(function.Name);
            _charge.Settle(Graph);
            throw;
        }
    }

    private bool ReleaseAll(ReleaseRequest request)
    {
        RequireOwnGraph();
        foreach (var id in request.Values)
        {
            if (!Graph.Contains(id))
                continue;
            if (_variables.Remove(Graph[id].Node, out var state))
                state.Dispose();
            Graph.Release(id);
        }

        foreach (var name in request.FunctionNames)
            Graph.ReleaseFunction(name);
        foreach (var id in request.Runs)
            ReleaseRun(id);
        foreach (var id in request.Tensors)
            ReleaseTensor(id);
        _charge.Settle(Graph);
        return true;
    }

    private bool ReleaseEverything()
    {
        foreach (var state in _variables.Values)
            state.Dispose();
        _variables.Clear();
        _runs.Clear();
        _tensors.Clear();
        _charge.Clear();
        Count();
        return true;
    }

    /// <summary>Counts anew what the session holds; a version that only runs still see counts once.</summary>
    internal void Count()
    {
        var bytes = _variables.Values.Sum(v => v.Bytes) + _runs.All.Sum(r => r.HeldBytes);
        HashSet<PooledBuffer>? old = null;
        foreach (var run in _runs.All)
        {
            foreach (var (node, tensor) in run.Captured)
            {
                if (node.Op == StructuralOp.Variable && tensor.Buffer != ValueOf(node)?.Buffer && (old ??= []).Add(tensor.Buffer))
                    bytes += tensor.ByteCount;
            }
        }

        Volatile.Write(ref _stateBytes, bytes);
    }
}
