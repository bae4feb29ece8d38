using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>Computes values; with gradients on, keeps a run for a later backward.</summary>
internal sealed class ForwardCommand(GraphSession session, ForwardRequest request, CancellationToken cancellation)
    : ComputeCommand<ForwardResult>(session, request, cancellation)
{
    private CompiledProgram _program = null!;
    private ulong[] _wrt = [];

    protected override PlanExecution? Prepare()
    {
        Bindings.Feed(request.Feeds);
        if (request.Gradients)
        {
            if (request.Roots.Count == 0)
                throw GradientsException.Invalid(ErrorReasons.InvalidField, "A forward with gradients names the roots that backward will start from.").With("field", "roots");
            Session.RequireRoom();
            _wrt = request.Wrt.Count > 0 ? [.. request.Wrt] : Session.Programs.VariablesUnder(request.Roots);
        }

        var program = Compile(p =>
        {
            p.Fetches.AddRange(request.Fetches.Select(id => Session.Graph[id]));
            if (!request.Gradients)
                return;
            p.Split = true;
            p.Roots.AddRange(request.Roots.Select(id => Session.Graph[id]));
            p.HasCotangent.AddRange(request.Roots.Select(_ => true));
            p.Wrt.AddRange(_wrt.Select(id => Session.Graph[id]));
        });
        if (program is null)
            return null;
        _program = program;
        var execution = PlanExecution.Rent(_program.Forward, Session.Host.Pool, Session.Tenant.Bytes);
        Bindings.Bind(execution, Session.Programs.LastSources);
        return execution;
    }

    protected override ForwardResult Commit(PlanExecution execution)
    {
        var profile = Profile(execution);
        ulong run = 0;
        long held = 0;
        if (request.Gradients)
        {
            Session.Reserve(_program.Residuals.Sum(r => r.Shape.ElementCount * r.DataType.Size()) + request.Feeds.Values.Sum(t => t.ByteCount));
            Session.TakeRunPlace();
            var residuals = new Tensor[_program.Residuals.Length];
            for (var i = 0; i < residuals.Length; i++)
                residuals[i] = execution.TakeTensor(request.Fetches.Count + i);
            var kept = new Run(_program, [.. request.Roots.Select(Named)], [.. _wrt.Select(Named)], [.. Session.Programs.LastSources], Session.Programs.LastIds(), Session.Capture(Bindings.Fed), residuals);
            run = Session.Keep(kept);
            held = kept.HeldBytes;
        }

        var values = new Tensor[request.Fetches.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = execution.TakeTensor(i);
        return new ForwardResult(run, values, held, profile);
    }

    private (ulong Id, Value Value) Named(ulong id) => (id, Session.Graph[id]);
}
