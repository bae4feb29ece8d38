using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>Writes variables, all or none: given tensors, or values of the graph computed without tracking.</summary>
internal sealed class SetVariablesCommand(GraphSession session, SetVariablesRequest request, CancellationToken cancellation)
    : ComputeCommand<IReadOnlyList<VariableVersion>>(session, request, cancellation)
{
    protected override PlanExecution? Prepare()
    {
        Session.RequireVariables([.. request.Updates.Select(u => u.Variable)], floating: false);
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

    protected override IReadOnlyList<VariableVersion> Commit(PlanExecution execution)
    {
        var next = 0;
        long growth = 0;
        foreach (var update in request.Updates)
        {
            var state = Session.StateOf(update.Variable);
            var (type, shape) = update.Tensor is { } tensor ? (tensor.DataType, tensor.Shape) : (execution.Plan.Outputs[next].DataType, execution.Plan.Outputs[next++].Shape);
            if (type != state.Type.DataType)
                throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"Variable {update.Variable} is {state.Type}; {type.Name()} was given.").With("node", update.Variable.ToString());
            if (!shape.Equals(state.Type.Shape))
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"Variable {update.Variable} is {state.Type}; shape {shape} was given.").With("node", update.Variable.ToString()).With("shapes", $"{state.Type.Shape}, {shape}");
            if (update.ExpectedVersion is { } expected && expected != state.Version)
                throw new GradientsException(ErrorCode.Aborted, ErrorReasons.VersionConflict, $"Variable {update.Variable} is at version {state.Version}, not {expected}.").With("node", update.Variable.ToString());
            growth += state.Value is null ? shape.ElementCount * type.Size() : 0;
        }

        Session.Reserve(growth);
        next = 0;
        var versions = new List<VariableVersion>(request.Updates.Count);
        foreach (var update in request.Updates)
            versions.Add(new VariableVersion(update.Variable, Session.StateOf(update.Variable).Set(update.Tensor?.Share() ?? execution.TakeTensor(next++))));
        Session.Count();
        return versions;
    }
}
