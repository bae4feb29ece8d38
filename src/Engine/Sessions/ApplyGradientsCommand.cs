using System.Diagnostics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// One optimizer step: a plan for each kind of parameter, executed one variable after the other; the new values replace the
/// old ones together at the end, so that a cancelled or failed step changes nothing.
/// </summary>
internal sealed class ApplyGradientsCommand(GraphSession session, ApplyGradientsRequest request, CancellationToken cancellation)
    : SessionCommand<IReadOnlyList<VariableVersion>>(session, request, cancellation)
{
    private readonly List<(VariableState State, Tensor Value, Tensor[] Optimizer, long Step)> _updates = [];
    private readonly List<Tensor> _scratch = [];
    private List<VariableState>? _states;
    private PlanExecution? _execution;
    private long _began;
    private long _bytes;
    private double _flops;

    protected override bool MayBeBrief => true;

    protected override WorkStatus Advance(long parkAt, out IReadOnlyList<VariableVersion> result)
    {
        result = [];
        if (_states is null)
        {
            _began = Stopwatch.GetTimestamp();
            request.Optimizer.Validate();
            _states = SelectVariables();
        }

        if (IsBrief && _states.Count > GraphSession.BriefCount)
            return WorkStatus.Parked;
        while (_updates.Count < _states.Count)
        {
            _execution ??= Prepare(_states[_updates.Count]);
            if (_execution is null || (IsBrief && !_execution.IsSmall))
                return WorkStatus.Parked;
            if (_execution.Run(parkAt, helpers: Session.Host.Scheduler, cancellation: Cancellation) == ExecutionStatus.Parked)
                return WorkStatus.Parked;
            Collect(_states[_updates.Count], _execution);
            _execution.Dispose();
            _execution = null;
        }

        Session.Reserve(_updates.Sum(u => u.Optimizer.Sum(t => t.ByteCount) - u.State.OptimizerState.Sum(t => t.ByteCount)));
        result = Commit();
        Session.Host.Metrics.Executed(ComputePhase.Optimizer, _flops);
        if (GradientsActivities.IsRecorded(request.Trace))
            GradientsActivities.Record(GradientsActivities.Optimizer, request.Trace, _began, Stopwatch.GetTimestamp(), new("gradients.optimizer", request.Optimizer.Kind), new("gradients.variables", result.Count), new("gradients.bytes", _bytes), new("gradients.flops", _flops));
        return WorkStatus.Done;
    }

    protected override void Release()
    {
        _execution?.Dispose();
        foreach (var (_, value, optimizer, _) in _updates)
        {
            value.Dispose();
            foreach (var tensor in optimizer)
                tensor.Dispose();
        }

        _updates.Clear();
        foreach (var tensor in _scratch)
            tensor.Dispose();
        _scratch.Clear();
    }

    private List<VariableState> SelectVariables()
    {
        var all = request.Variables.Count == 0;
        var ids = all ? Session.Graph.Variables.Keys.Order() : request.Variables.Distinct();
        var states = new List<VariableState>();
        if (!all)
            Session.RequireVariables([.. request.Variables]);
        foreach (var id in ids)
        {
            var state = Session.StateOf(id);
            if (state.Gradient is null)
                continue;
            states.Add(state);
        }

        return states;
    }

    /// <summary>Null when it would have to compile and must be brief; then it is asked again.</summary>
    private PlanExecution? Prepare(VariableState state)
    {
        var optimizer = request.Optimizer;
        var fresh = state.OptimizerKind != optimizer.Kind;
        var step = fresh ? 1 : state.OptimizerStep + 1;
        var value = state.Value ?? throw GradientsException.Precondition(ErrorReasons.VariableNotSet, $"Variable {state.Definition.Id} has no value.");
        if ((IsBrief ? Session.Programs.FindOptimizerPlan(optimizer, state.Type) : Session.Programs.OptimizerPlan(optimizer, state.Type, Cancellation)) is not { } plan)
            return null;
        Session.Tenant.Flops?.Take(plan.Flops);
        var execution = PlanExecution.Rent(plan, Session.Host.Pool, Session.Tenant.Bytes);
        var slot = 0;
        execution.Bind(slot++, value);
        execution.Bind(slot++, state.Gradient!);
        for (var i = 0; i < optimizer.StateCount; i++)
            execution.Bind(slot++, fresh ? Zeros(state.Type) : state.OptimizerState[i]);
        Span<double> scalars = stackalloc double[optimizer.ScalarCount];
        optimizer.Scalars(step, scalars);
        foreach (var scalar in scalars)
            execution.Bind(slot++, Scalar(state.Type.DataType, scalar));
        return execution;
    }

    private void Collect(VariableState state, PlanExecution execution)
    {
        var optimizer = new Tensor[request.Optimizer.StateCount];
        for (var i = 0; i < optimizer.Length; i++)
            optimizer[i] = execution.TakeTensor(1 + i);
        var step = state.OptimizerKind != request.Optimizer.Kind ? 1 : state.OptimizerStep + 1;
        _updates.Add((state, execution.TakeTensor(0), optimizer, step));
        _bytes += execution.Plan.Bytes;
        _flops += execution.Plan.Flops;
    }

    private List<VariableVersion> Commit()
    {
        var versions = new List<VariableVersion>(_updates.Count);
        foreach (var (state, value, optimizer, step) in _updates)
        {
            versions.Add(new VariableVersion(state.Definition.Id, state.Set(value)));
            state.SetOptimizer(request.Optimizer.Kind, optimizer, step);
            if (request.ZeroGradients)
                state.SetGradient(null);
        }

        // Ownership went to the states.
        _updates.Clear();
        Session.Count();
        return versions;
    }

    private unsafe Tensor Zeros(NodeType type)
    {
        var zeros = Tensor.Rent(Session.Host.Pool, type.DataType, type.Shape, "optimizer", Session.Tenant.Bytes);
        System.Runtime.InteropServices.NativeMemory.Clear(zeros.Buffer.Pointer, (nuint)zeros.ByteCount);
        _scratch.Add(zeros);
        return zeros;
    }

    private Tensor Scalar(DataType type, double value)
    {
        var tensor = Tensor.FromBytes(Session.Host.Pool, type, Shape.Scalar, ConstantData.Scalar(type, value).Bytes, "optimizer", Session.Tenant.Bytes);
        _scratch.Add(tensor);
        return tensor;
    }
}
