using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// Computes gradients: from a run's residuals when it declared the same roots, else in one joint pass over feeds and
/// variables (or over what the run saw).
/// </summary>
internal sealed class BackwardCommand(GraphSession session, BackwardRequest request, CancellationToken cancellation)
    : ComputeCommand<BackwardResult>(session, request, cancellation)
{
    private CompiledProgram _program = null!;
    private ulong[] _wrt = [];
    private ulong[] _programWrt = [];
    private int _fetched;
    private Run? _run;

    protected override PlanExecution? Prepare()
    {
        if (request.Roots.Count == 0)
            throw GradientsException.Invalid(ErrorReasons.InvalidField, "Backward needs at least one root.").With("field", "roots");
        if (request.Run != 0)
        {
            _run = Session.FindRun(request.Run);
            if (request.Feeds.Count > 0)
                throw GradientsException.Invalid(ErrorReasons.InvalidField, "A run has its feeds already: give a run or feeds, not both.").With("field", "feeds");
        }

        _wrt = request.Wrt.Count > 0 ? [.. request.Wrt] : _run?.Wrt.Select(w => w.Id).ToArray() ?? Session.Programs.VariablesUnder(RootIds());
        if (_wrt.Length == 0)
            throw GradientsException.Precondition(ErrorReasons.GradientsDisabled, "The roots depend on no variable of a floating type: name what to differentiate for in wrt.");
        if (request.Mode != GradientMode.Return)
            Session.RequireVariables(_wrt);
        return _run is not null && CanUseResiduals(_run) ? PrepareFromRun(_run) : PrepareJoint();
    }

    protected override int FetchedOutputs => _fetched;

    protected override BackwardResult Commit(PlanExecution execution)
    {
        var profile = Profile(execution);
        var gradients = new List<GradientResult>(_wrt.Length);
        var values = new List<Tensor>(_fetched);
        try
        {
            if (_wrt == _programWrt && AreIncreasing(_wrt))
                TakeInOrder(execution, gradients);
            else
                Take(execution, gradients);

            for (var i = 0; i < _fetched; i++)
                values.Add(execution.TakeTensor(i));
            if (request.Mode != GradientMode.Return)
                Session.Accumulate(gradients);
        }
        catch
        {
            new BackwardResult(values, gradients, 0, null).Dispose();
            throw;
        }

        if (_run is not null && !request.Retain)
            Session.ReleaseRun(request.Run);
        return new BackwardResult(values, gradients, request.Retain && _run is not null ? _run.HeldBytes : 0, profile);
    }

    private ulong[] RootIds()
    {
        var ids = new ulong[request.Roots.Count];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = request.Roots[i].Value;
        return ids;
    }

    private static bool AreIncreasing(ulong[] ids)
    {
        for (var i = 1; i < ids.Length; i++)
        {
            if (ids[i] <= ids[i - 1])
                return false;
        }

        return true;
    }

    /// <summary>What was asked for is what the program has, each once: no need to look for it.</summary>
    private void TakeInOrder(PlanExecution execution, List<GradientResult> gradients)
    {
        var next = _fetched;
        for (var i = 0; i < _wrt.Length; i++)
            gradients.Add(new GradientResult(_wrt[i], !_program.Absent[i] ? execution.TakeTensor(next++) : request.ZerosForAbsent ? Zeros(_wrt[i]) : null));
    }

    private void Take(PlanExecution execution, List<GradientResult> gradients)
    {
        var present = new Dictionary<ulong, int>();
        var next = _fetched;
        for (var i = 0; i < _programWrt.Length; i++)
        {
            if (!_program.Absent[i])
                present[_programWrt[i]] = next++;
        }

        var taken = new Dictionary<ulong, Tensor>();
        foreach (var id in _wrt)
        {
            if (present.TryGetValue(id, out var output))
                gradients.Add(new GradientResult(id, taken.TryGetValue(id, out var again) ? again.Share() : taken[id] = execution.TakeTensor(output)));
            else
                gradients.Add(new GradientResult(id, request.ZerosForAbsent ? Zeros(id) : null));
        }
    }

    private bool CanUseResiduals(Run run) =>
        request.Fetches.Count == 0 && !request.CheckFinite
        && run.Roots.Length == request.Roots.Count
        && request.Roots.Zip(run.Roots).All(p => p.First.Value == p.Second.Id && Means(p.Second))
        && _wrt.All(run.Wrt.Where(Means).Select(w => w.Id).ToHashSet().Contains);

    /// <summary>Whether the id still names what it did, or nothing.</summary>
    private bool Means((ulong Id, Value Value) named) => !Session.Graph.Contains(named.Id) || Session.Graph[named.Id] == named.Value;

    private PlanExecution PrepareFromRun(Run run)
    {
        MarkHit();
        _program = run.Program;
        _programWrt = Array.ConvertAll(run.Wrt, w => w.Id);
        Ids = run.Ids;
        Bindings.Capture(run.Captured);
        var execution = PlanExecution.Rent(run.Program.Backward!, Session.Host.Pool, Session.Tenant.Bytes);
        Bindings.Bind(execution, run.Sources);
        var slot = run.Sources.Length;
        for (var i = 0; i < run.Roots.Length; i++)
            BindCotangent(execution, slot++, _program.Roots[i], request.Roots[i]);
        foreach (var residual in run.Residuals)
            execution.Bind(slot++, residual);
        return execution;
    }

    private PlanExecution? PrepareJoint()
    {
        Bindings.Feed(request.Feeds);
        if (_run is not null)
            Bindings.Capture(_run.Captured);
        _programWrt = _wrt;
        _fetched = request.Fetches.Count;
        var program = Compile(p =>
        {
            for (var i = 0; i < request.Fetches.Count; i++)
                p.Fetches.Add(Session.Graph[request.Fetches[i]]);
            for (var i = 0; i < request.Roots.Count; i++)
            {
                p.Roots.Add(Session.Graph[request.Roots[i].Value]);
                p.HasCotangent.Add(request.Roots[i].Cotangent is not null);
            }

            foreach (var id in _wrt)
                p.Wrt.Add(Session.Graph[id]);
        });
        if (program is null)
            return null;
        _program = program;
        var execution = PlanExecution.Rent(_program.Forward, Session.Host.Pool, Session.Tenant.Bytes);
        Bindings.Bind(execution, Session.Programs.LastSources);
        var slot = Session.Programs.LastSources.Count;
        for (var i = 0; i < request.Roots.Count; i++)
        {
            if (request.Roots[i].Cotangent is not null)
                BindCotangent(execution, slot++, _program.Roots[i], request.Roots[i]);
        }

        return execution;
    }

    private Tensor Zeros(ulong id)
    {
        var type = _program.Wrt[Array.IndexOf(_programWrt, id)];
        var zeros = Tensor.Rent(Session.Host.Pool, type.DataType, type.Shape, "gradient", Session.Tenant.Bytes);
        unsafe
        {
            System.Runtime.InteropServices.NativeMemory.Clear(zeros.Buffer.Pointer, (nuint)zeros.ByteCount);
        }

        return zeros;
    }
}
