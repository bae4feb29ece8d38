namespace Gradients.Engine.Sessions.Training;

/// <summary>What of a loop's request can be refused before anything is made for it.</summary>
internal static class TrainRequestCheck
{
    /// <summary>The variables to step, by request or by ascending id.</summary>
    /// <exception cref="GradientsException">INVALID_FIELD, VALUE_NOT_FOUND, NOT_DIFFERENTIABLE_TYPE, GRADIENTS_DISABLED.</exception>
    public static ulong[] Variables(GraphSession session, TrainRequest request)
    {
        request.Optimizer.Validate();
        if (request.Roots.Count == 0)
            throw Invalid("roots", "A loop needs at least one root.");
        if (request.Steps < 1)
            throw Invalid("steps", $"{request.Steps} steps were asked for; at least 1 is needed.");
        if (request.MicroBatches < 0)
            throw Invalid("micro_batches", $"{request.MicroBatches} slices a step were asked for.");
        if (request.FirstStep < 0 || request.FirstStep > (long.MaxValue / Math.Max(1, request.MicroBatches)) - request.Steps)
            throw Invalid("first_step", "The slices up to the last step are more than 2^63.");
        RequireFedOnce(request);
        ulong[] ids = request.Wrt.Count > 0 ? [.. request.Wrt] : [.. session.Programs.VariablesUnder([.. request.Roots.Select(r => r.Value)]).Order()];
        if (ids.Length == 0)
            throw GradientsException.Precondition(ErrorReasons.GradientsDisabled, "The roots depend on no variable of a floating type.");
        session.RequireVariables(ids);
        foreach (var id in ids)
        {
            if (request.Feeds.ContainsKey(id) || request.Data.ContainsKey(id))
                throw Invalid("wrt", $"Variable {id} is fed and cannot be stepped.").With("node", id.ToString());
        }

        return ids;
    }

    /// <exception cref="GradientsException">COMPUTE_QUOTA when one step costs more than a request may.</exception>
    public static void Flops(double flops, GraphSession session)
    {
        Require(session.Host.Options.MaxFlopsPerRequest, "server");
        Require(session.Tenant.MaxFlopsPerRequest, session.Tenant.Subject);

        void Require(double most, string subject)
        {
            if (flops > most)
            {
                throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"A step needs about {flops:G3} floating-point operations; the limit is {most:G3}.")
                    .Limited("max_flops_per_request", $"{flops:G3}", subject);
            }
        }
    }

    private static void RequireFedOnce(TrainRequest request)
    {
        foreach (var id in request.Data.Keys)
        {
            if (request.Feeds.ContainsKey(id) || id == request.SliceInput)
                throw Twice("data", id);
        }

        if (request.SliceInput != 0 && request.Feeds.ContainsKey(request.SliceInput))
            throw Twice("slice_input", request.SliceInput);
    }

    private static GradientsException Twice(string field, ulong id) =>
        Invalid(field, $"Node {id} is fed twice.").With("node", id.ToString());

    private static GradientsException Invalid(string field, string message) =>
        GradientsException.Invalid(ErrorReasons.InvalidField, message).With("field", field);
}
