using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Ops;

/// <summary>y = e^x; dx = g · y.</summary>
internal sealed class ExpOp() : UnaryOp<ExpFunction>(new("Exp", "y = e^x.", new InputSchema("input")))
{
    public static readonly ExpOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent * context.Output);
}

/// <summary>y = ln x; dx = g / x.</summary>
internal sealed class LogOp() : UnaryOp<LogFunction>(new("Log", "y = ln x; -inf at 0, NaN below.", new InputSchema("input")))
{
    public static readonly LogOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent / context.Input(0));
}

/// <summary>y = √x; dx = g / (2y), infinite at 0.</summary>
internal sealed class SqrtOp() : UnaryOp<SqrtFunction>(new("Sqrt", "y = square root of x; NaN below 0. The derivative at 0 is infinite.", new InputSchema("X")))
{
    public static readonly SqrtOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent / (2 * context.Output));
}

/// <summary>y = 1 / (1 + e^−x); dx = g · y · (1 − y).</summary>
internal sealed class SigmoidOp() : UnaryOp<SigmoidFunction>(new("Sigmoid", "y = 1 / (1 + e^-x).", new InputSchema("X")))
{
    public static readonly SigmoidOp Instance = new();

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Cotangent * (context.Output * (1 - context.Output)));
}

/// <summary>y = tanh x; dx = g · (1 − y²).</summary>
internal sealed class TanhOp() : UnaryOp<TanhFunction>(new("Tanh", "y = tanh x.", new InputSchema("input")))
{
    public static readonly TanhOp Instance = new();

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Cotangent * (1 - (context.Output * context.Output)));
}

/// <summary>y = ln(1 + e^x); dx = g · sigmoid(x).</summary>
internal sealed class SoftplusOp() : UnaryOp<SoftplusFunction>(new("Softplus", "y = ln(1 + e^x), without overflow.", new InputSchema("X")))
{
    public static readonly SoftplusOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent * context.Input(0).Sigmoid());
}
