using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = x; dx = g. A node of its own, so that y and x are told apart when one of them is differentiated for.</summary>
internal sealed class IdentityOp() : ViewOp(new("Identity", "y = x.", new InputSchema("input")) { Types = TypeSets.AnyT })
{
    public static readonly IdentityOp Instance = new();

    public override NodeType Infer(OpCall call) => call.Inputs[0].Type;

    public override Layout View(Node node, Layout input) => input;

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent);
}

/// <summary>y = x, through which no derivative flows.</summary>
internal sealed class StopGradientOp() : ViewOp(new("StopGradient", "y = x; contributes no derivative.", new InputSchema("input", Differentiability: Differentiability.Blocked)) { Domain = "gradients", SinceVersion = 1, Types = TypeSets.AnyT })
{
    public static readonly StopGradientOp Instance = new();

    public override NodeType Infer(OpCall call) => call.Inputs[0].Type;

    public override Layout View(Node node, Layout input) => input;
}
