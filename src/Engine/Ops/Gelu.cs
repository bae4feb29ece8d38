using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Ops;

/// <summary>
/// y = x Φ(x) with the normal distribution function Φ, or its approximation
/// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and Gimpel 2016).
/// </summary>
internal sealed class GeluOp() : ComposedOp(new("Gelu", "y = x * P(N <= x) for a standard normal N.", new InputSchema("X"))
{
    SinceVersion = 20,
    Attributes = [new("approximate", typeof(string), "\"none\", or \"tanh\" for the approximation by tanh.", Default: "none")],
})
{
    public static readonly GeluOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var x = call.Inputs[0];
        return call.Attributes.Text("approximate", "none") switch
        {
            "none" => call.Builder.Add(ExactGeluOp.Instance, x),
            "tanh" => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + (0.044715 * (x * x * x)))).Tanh()),
            var other => throw call.InvalidAttribute($"approximate is \"{other}\"; allowed are \"none\" and \"tanh\""),
        };
    }
}

/// <summary>y = x Φ(x); dx = g · (Φ(x) + x φ(x)), with the density φ.</summary>
internal sealed class ExactGeluOp() : UnaryOp<GeluFunction>(new("ExactGelu", "y = x * P(N <= x).", new InputSchema("X")) { Domain = "gradients", SinceVersion = 1 })
{
    public static readonly ExactGeluOp Instance = new();

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Cotangent * context.Builder.Add(GeluDerivativeOp.Instance, context.Input(0)));
}

/// <summary>y = Φ(x) + x φ(x); dx = g · φ(x) (2 − x²), multiplied out so that no large x meets a density of 0 as ∞ · 0.</summary>
internal sealed class GeluDerivativeOp() : UnaryOp<GeluDerivativeFunction>(new("GeluDerivative", "y = P(N <= x) + x * p(x) with the density p of N.", new InputSchema("X")) { Domain = "gradients", SinceVersion = 1 })
{
    public static readonly GeluDerivativeOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        var x = context.Input(0);
        var density = (-0.5 * (x * x)).Exp() * (1 / Math.Sqrt(2 * Math.PI));
        context.Set(0, context.Cotangent * ((2 * density) - (x * (x * density))));
    }
}
