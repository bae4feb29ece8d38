using Gradients.Engine.Sessions;
using Gradients.Server.Errors;

namespace Gradients.Server.Wire;

internal static class OptimizerReader
{
    /// <summary>The optimizer with the contract's defaults, its settings checked.</summary>
    public static Optimizer Read(V1.Optimizer? wire)
    {
        Optimizer read = wire?.KindCase switch
        {
            V1.Optimizer.KindOneofCase.Sgd => Read(wire.Sgd),
            V1.Optimizer.KindOneofCase.Adam => Read(wire.Adam),
            V1.Optimizer.KindOneofCase.AdamW => Read(wire.AdamW),
            _ => throw Refusals.Field("optimizer", "a kind of optimizer is required."),
        };
        read.Validate();
        return read;
    }

    private static Sgd Read(V1.Sgd s) => new(
        s.HasLearningRate ? s.LearningRate : 1e-3,
        s.HasMomentum ? s.Momentum : 0,
        s.Nesterov,
        s.HasWeightDecay ? s.WeightDecay : 0,
        s.HasDampening ? s.Dampening : 0);

    private static Adam Read(V1.Adam a) => new(
        a.HasLearningRate ? a.LearningRate : 1e-3,
        a.HasBeta1 ? a.Beta1 : 0.9,
        a.HasBeta2 ? a.Beta2 : 0.999,
        a.HasEpsilon ? a.Epsilon : 1e-8,
        a.HasWeightDecay ? a.WeightDecay : 0);

    private static Adam Read(V1.AdamW a) => new(
        a.HasLearningRate ? a.LearningRate : 1e-3,
        a.HasBeta1 ? a.Beta1 : 0.9,
        a.HasBeta2 ? a.Beta2 : 0.999,
        a.HasEpsilon ? a.Epsilon : 1e-8,
        a.HasWeightDecay ? a.WeightDecay : 0.01,
        Decoupled: true);
}
