using System.Diagnostics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>A request that makes or finds a plan, executes it over one or more time slices, and commits what came out.</summary>
internal abstract class ComputeCommand<TResult>(GraphSession session, ComputeRequest request, CancellationToken cancellation)
    : SessionCommand<TResult>(session, request, cancellation)
{
    private readonly List<Tensor> _owned = [];
    private long _planBegan;
    private long _executeBegan;
    private long _outside;
    private (CalloutPhase Phase, string Name, long Bytes) _asked;
    private bool _hit;

    protected PlanExecution? Execution { get; private set; }

    /// <summary>What the execution waits for.</summary>
    private PendingCallout? Pending { get; set; }

    protected Bindings Bindings { get; } = new(session);

    /// <summary>Node ids by position when they are not those of the session's last subgraph.</summary>
    protected ulong[]? Ids { get; set; }

    protected sealed override WorkStatus Advance(long parkAt, out TResult result)
    {
        result = default!;
        if (Execution is null)
        {
            _planBegan = Stopwatch.GetTimestamp();
            if (Prepare() is not { } prepared)
                return WorkStatus.Parked;
            Execution = prepared;
            RequireHandler(Execution.Plan);
            RequireFlops(Execution.Plan.Flops, Session.Host.Options.MaxFlopsPerRequest, "server");
            RequireFlops(Execution.Plan.Flops, Session.Tenant.MaxFlopsPerRequest, Session.Tenant.Subject);
            RequireReplyFits(Execution.Plan);
            Reserve(Execution);
            if (request.Profile)
                Execution.EnableProfile();
            if (GradientsActivities.IsRecorded(request.Trace))
                Execution.EnableTrace(request.Profile || Session.Host.Options.OpSpans);
            _executeBegan = Stopwatch.GetTimestamp();
        }

        if (IsBrief && (!Execution.IsSmall || Execution.Plan.HasCallouts))
            return WorkStatus.Parked;
        do
        {
            if (Pending is not null && !TryAnswer(Execution))
                return WorkStatus.Waiting;
            var status = Execution.Run(parkAt, request.CheckFinite, Session.Host.Scheduler, Cancellation);
            if (status == ExecutionStatus.Parked)
                return WorkStatus.Parked;
            if (status == ExecutionStatus.Waiting)
                Ask(Execution);
        }
        while (Pending is not null);
        Count(Execution.Plan);
        RecordSpans();
        result = Commit(Execution);
        return WorkStatus.Done;
    }

    protected override bool MayBeBrief => true;

    /// <summary>Validates, compiles and binds. Null when it would have to compile and must be brief; then it is asked again.</summary>
    protected abstract PlanExecution? Prepare();

    /// <summary>Turns outputs into the result and changes the session; what can fail comes first.</summary>
    protected abstract TResult Commit(PlanExecution execution);

    /// <summary>The program of what is asked for, found or compiled; null when it was not found and the command must be brief.</summary>
    protected CompiledProgram? Compile(Action<ProgramRequest> ask)
    {
        void Ask(ProgramRequest program)
        {
            program.Fusion = request.Fusion && !request.CheckFinite;
            ask(program);
        }

        if (!IsBrief)
            return Session.Programs.Compile(Ask, Bindings.TypeOf, Cancellation, out _hit);
        var found = Session.Programs.Find(Ask, Bindings.TypeOf);
        _hit = found is not null;
        return found;
    }

    protected void MarkHit() => _hit = true;

    /// <summary>Binds a cotangent, checked against its root; a scalar's missing one is 1.</summary>
    protected void BindCotangent(PlanExecution execution, int slot, NodeType root, GradientRoot given)
    {
        var cotangent = given.Cotangent;
        if (cotangent is null)
        {
            if (root.Shape.ElementCount != 1)
                throw GradientsException.Precondition(ErrorReasons.CotangentRequired, $"The root {given.Value} is {root}: give a cotangent of the same shape and type.").With("node", given.Value.ToString());
            cotangent = One(root);
        }

        Bindings.BindCotangent(execution, slot, root, given.Value, cotangent);
    }

    protected ExecutionProfile? Profile(PlanExecution execution)
    {
        if (execution.InstructionTicks is not { } ticks)
            return null;
        var plan = execution.Plan;
        var instructions = plan.Instructions.Select((instruction, i) => new InstructionProfile(
            [.. instruction.Nodes.Select(n => (IdOf(n.Position), n.Op))],
            Stopwatch.GetElapsedTime(0, ticks[i]),
            instruction.Bytes,
            instruction.Kernel.Flops,
            i >= plan.ForwardInstructions)).ToArray();
        return new ExecutionProfile(Queued, Stopwatch.GetElapsedTime(_planBegan, _executeBegan), Stopwatch.GetElapsedTime(_executeBegan + _outside), _hit, plan.ArenaBytes, plan.PeakLiveBytes, instructions);
    }

    protected override ulong IdOf(int position) =>
        Ids is not null ? (position < Ids.Length ? Ids[position] : 0) : Session.Programs.IdAt(position);

    protected override void Release()
    {
        EndCallout(ErrorReasons.Cancelled);
        Execution?.Dispose();
        Execution = null;
        foreach (var tensor in _owned)
            tensor.Dispose();
        _owned.Clear();
    }

    /// <summary>How many of the plan's first outputs are fetches.</summary>
    protected virtual int FetchedOutputs => request.Fetches.Count;

    private void RequireHandler(Plan plan)
    {
        if (plan.HasCallouts && request.Callouts is null)
            throw GradientsException.Precondition(ErrorReasons.CalloutUnavailable, "The graph has a Custom node: it can be computed only where a client can be asked, over Interact.");
    }

    /// <summary>Asks for what the execution waits for; the answer may be there at once.</summary>
    private void Ask(PlanExecution execution)
    {
        var callout = execution.Ask(IdOf);
        Pending = new PendingCallout(() => Session.Resume(this), Cancellation);
        _asked = (callout.Phase, callout.Name, callout.ByteCount);
        Session.Host.Metrics.CalloutAsked();
        _ = Pending.AskAsync(request.Callouts!, callout);
    }

    /// <summary>Gives the execution what was answered; false while there is nothing.</summary>
    private bool TryAnswer(PlanExecution execution)
    {
        Cancellation.ThrowIfCancellationRequested();
        if (!Pending!.IsDone)
            return false;
        try
        {
            execution.Answer(Pending.Take());
        }
        catch (GradientsException e)
        {
            EndCallout(e.Reason);
            throw execution.Locate(e);
        }

        EndCallout(null);
        return true;
    }

    private void EndCallout(string? failure)
    {
        if (Pending is null)
            return;
        var ended = Stopwatch.GetTimestamp();
        _outside += ended - Pending.Began;
        var (phase, name, bytes) = _asked;
        Session.Host.Metrics.CalloutEnded(phase, Stopwatch.GetElapsedTime(Pending.Began, ended), failure);
        GradientsActivities.Record(GradientsActivities.Callout, request.Trace, Pending.Began, ended, new("gradients.callout.name", name), new("gradients.phase", EngineMetrics.NameOf(phase)), new("gradients.bytes", bytes));
        Pending.Dispose();
        Pending = null;
    }

    private static void RequireFlops(double flops, double most, string subject)
    {
        if (flops > most)
        {
            throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"The request needs about {flops:G3} floating-point operations; the limit is {most:G3}.")
                .Limited("max_flops_per_request", $"{flops:G3}", subject);
        }
    }

    /// <summary>Takes operations and memory, both or none.</summary>
    private void Reserve(PlanExecution execution)
    {
        Session.Tenant.Flops?.Take(execution.Plan.Flops);
        try
        {
            execution.Reserve();
        }
        catch
        {
            Session.Tenant.Flops?.Give(execution.Plan.Flops);
            throw;
        }
    }

    private void RequireReplyFits(Plan plan)
    {
        if (request.Reply is not { } limit)
            return;
        long bytes = 0;
        for (var i = 0; i < plan.Outputs.Count; i++)
        {
            if ((i < FetchedOutputs ? limit.InlineFetches[i] : limit.InlineGradients) && plan.Outputs[i].ByteCount <= limit.InlineBytes)
                bytes += plan.Outputs[i].ByteCount;
        }

        if (bytes > limit.MaxBytes)
        {
            throw GradientsException.Exhausted(ErrorReasons.MessageTooLarge, $"The reply would have {bytes} bytes of elements; it takes {limit.MaxBytes}. Ask for handles and download them in chunks.")
                .Limited(limit.Name, bytes.ToString(), "server");
        }

        limit.Reserve?.Invoke(bytes);
    }

    private Tensor One(NodeType type)
    {
        var one = type.DataType == DataType.Float32
            ? Tensor.From<float>(Session.Host.Pool, type.Shape, [1f], "cotangent", Session.Tenant.Bytes)
            : Tensor.From<double>(Session.Host.Pool, type.Shape, [1d], "cotangent", Session.Tenant.Bytes);
        _owned.Add(one);
        return one;
    }

    private void Count(Plan plan)
    {
        if (plan.ForwardInstructions > 0)
            Session.Host.Metrics.Executed(ComputePhase.Forward, plan.ForwardFlops);
        if (plan.ForwardInstructions < plan.Instructions.Count)
            Session.Host.Metrics.Executed(ComputePhase.Backward, plan.Flops - plan.ForwardFlops);
    }

    private void RecordSpans()
    {
        if (Execution!.ForwardDone == 0)
            return;
        var plan = Execution.Plan;
        var ended = Stopwatch.GetTimestamp();
        GradientsActivities.Record(GradientsActivities.Plan, request.Trace, _planBegan, _executeBegan, new("gradients.plan.cached", _hit), new("gradients.plan.instructions", plan.Instructions.Count));
        Record(GradientsActivities.Forward, 0, plan.ForwardInstructions, _executeBegan, Execution.ForwardDone);
        Record(GradientsActivities.Backward, plan.ForwardInstructions, plan.Instructions.Count, Execution.ForwardDone, ended);
    }

    private void Record(string name, int from, int to, long began, long ended)
    {
        if (from == to)
            return;
        int ops = 0;
        long bytes = 0;
        double flops = 0;
        for (var i = from; i < to; i++)
        {
            var instruction = Execution!.Plan.Instructions[i];
            ops += instruction.Nodes.Length;
            bytes += instruction.Bytes;
            flops += instruction.Kernel.Flops;
        }

        var phase = GradientsActivities.Record(name, request.Trace, began, ended, new("gradients.op.count", ops), new("gradients.bytes", bytes), new("gradients.flops", flops));
        RecordOps(phase, from, Math.Min(to, from + GradientsActivities.MaxOps));
    }

    private static string OpTypes(PlannedNode[] nodes)
    {
        const int Named = 16;
        var types = string.Join('+', nodes.Take(Named).Select(n => n.Op));
        return nodes.Length > Named ? types + "+…" : types;
    }

    /// <summary>One span for each instruction whose time was taken: an op, or the ops of a fused group.</summary>
    private void RecordOps(in ActivityContext phase, int from, int to)
    {
        var (begins, ends) = Execution!.InstructionTimes;
        for (var i = from; i < Math.Min(to, begins.Length); i++)
        {
            var instruction = Execution.Plan.Instructions[i];
            GradientsActivities.Record(
                GradientsActivities.Op,
                phase,
                begins[i],
                ends[i],
                new("gradients.op.type", OpTypes(instruction.Nodes)),
                new("gradients.op.count", instruction.Nodes.Length),
                new("gradients.bytes", instruction.Bytes),
                new("gradients.flops", instruction.Kernel.Flops));
        }
    }
}
