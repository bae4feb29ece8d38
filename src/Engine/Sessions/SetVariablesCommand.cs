using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>Writes variables, all or none: given tensors, or values of the graph computed without tracking.</summary>
internal sealed class SetVariablesCommand(GraphSession session, SetVariablesRequest request, CancellationToken cancellation)
    : ComputeCommand<IReadOnlyList<VariableVersion>>(session, request, cancellation)
{
    /// <summary>False when there is nothing but tensors to write: then no plan is needed.</summary>
    public static bool Computes(SetVariablesRequest request)
    {
        for (var i = 0; i < request.Updates.Count; i++)
        {
            if (request.Updates[i].Tensor is null)
                return true;
        }

        return request.Feeds.Count > 0;
    }

    /// <summary>Writes tensors, where there is nothing else.</summary>
    public static IReadOnlyList<VariableVersion> Write(GraphSession session, SetVariablesRequest request)
    {
        Require(session, request);
        return Write(session, request, null);
    }

    protected override PlanExecution? Prepare()
    {
        Require(Session, request);
        Bindings.Feed(request.Feeds);
        if (Compile(Ask) is not { } program)
            return null;
        var execution = PlanExecution.Rent(program.Forward, Session.Host.Pool, Session.Tenant.Bytes);
        Bindings.Bind(execution, Session.Programs.LastSources);
        return execution;

        void Ask(ProgramRequest program)
        {
            foreach (var update in request.Updates)
            {
                if (update.Tensor is null)
                    program.Fetches.Add(Session.Graph[update.Value]);
            }
        }
    }

    protected override IReadOnlyList<VariableVersion> Commit(PlanExecution execution) => Write(Session, request, execution);

    private static void Require(GraphSession session, SetVariablesRequest request)
    {
        var ids = new ulong[request.Updates.Count];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = request.Updates[i].Variable;
        session.RequireVariables(ids, floating: false);
    }

    /// <param name="execution">Has the values that are not given, in order; null when all are.</param>
    private static VariableVersion[] Write(GraphSession session, SetVariablesRequest request, PlanExecution? execution)
    {
        var next = 0;
        long growth = 0;
        for (var i = 0; i < request.Updates.Count; i++)
        {
            var update = request.Updates[i];
            var state = session.StateOf(update.Variable);
            var (type, shape) = update.Tensor is { } tensor ? (tensor.DataType, tensor.Shape) : (execution!.Plan.Outputs[next].DataType, execution.Plan.Outputs[next++].Shape);
            if (type != state.Type.DataType)
                throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"Variable {update.Variable} is {state.Type}; {type.Name()} was given.").With("node", update.Variable.ToString());
            if (!shape.Equals(state.Type.Shape))
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"Variable {update.Variable} is {state.Type}; shape {shape} was given.").With("node", update.Variable.ToString()).With("shapes", $"{state.Type.Shape}, {shape}");
            if (update.ExpectedVersion is { } expected && expected != state.Version)
                throw new GradientsException(ErrorCode.Aborted, ErrorReasons.VersionConflict, $"Variable {update.Variable} is at version {state.Version}, not {expected}.").With("node", update.Variable.ToString());
            growth += state.Value is null ? shape.ElementCount * type.Size() : 0;
        }

        session.Reserve(growth);
        next = 0;
        var versions = new VariableVersion[request.Updates.Count];
        for (var i = 0; i < versions.Length; i++)
        {
            var (variable, tensor) = (request.Updates[i].Variable, request.Updates[i].Tensor);
            versions[i] = new VariableVersion(variable, session.StateOf(variable).Set(tensor?.Share() ?? execution!.TakeTensor(next++)));
        }

        session.Count();
        return versions;
    }
}
