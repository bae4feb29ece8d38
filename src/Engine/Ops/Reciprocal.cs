using Gradients.Engine.Graph;

namespace Gradients.Engine.Ops;

/// <summary>y = 1 / x.</summary>
internal sealed class ReciprocalOp() : ComposedOp(new("Reciprocal", "y = 1 / x; infinite at 0.", new InputSchema("X")))
{
    public static readonly ReciprocalOp Instance = new();

    protected override Node Compose(OpCall call) => 1 / call.Inputs[0];
}
