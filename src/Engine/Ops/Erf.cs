using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Ops;

/// <summary>y = erf x; dx = g · 2/√π · e^(−x²).</summary>
internal sealed class ErfOp() : UnaryOp<ErfFunction>(new("Erf", "y = erf x.", new InputSchema("input")))
{
    public static readonly ErfOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        var x = context.Input(0);
        context.Set(0, context.Cotangent * (2 / Math.Sqrt(Math.PI) * (-(x * x)).Exp()));
    }
}
