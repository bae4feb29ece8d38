using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Ops;

/// <summary>y = max(x, 0); dx = g where x > 0, else 0: 0 at 0.</summary>
internal sealed class ReluOp() : UnaryOp<ReluFunction>(new("Relu", "y = max(x, 0); the derivative at 0 is 0.", new InputSchema("X")))
{
    public static readonly ReluOp Instance = new();

    // y = 0 exactly where x ≤ 0, and NaN passes; asking the output lets the planner free x.
    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(ReluGradientOp.Instance, context.Output, context.Cotangent));
}

/// <summary>z = 0 where y = 0, else g; dg likewise, selected and never multiplied.</summary>
internal sealed class ReluGradientOp() : BinaryOp<ReluGradientFunction>(new("ReluGradient", "z = 0 where y is 0, else g.", new("y", Differentiability: Differentiability.Blocked), new InputSchema("g")) { Domain = "gradients", SinceVersion = 1 })
{
    public static readonly ReluGradientOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(1, context.Builder.Add(Instance, context.Input(0), context.Cotangent));
}
