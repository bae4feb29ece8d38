using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Ops;

/// <summary>c = a + b; da = g, db = g.</summary>
internal sealed class AddOp() : BinaryOp<AddFunction>(new("Add", "c = a + b under broadcasting; integers wrap.", new("A"), new InputSchema("B")) { Types = TypeSets.NumericT })
{
    public static readonly AddOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        context.Set(0, context.Cotangent);
        context.Set(1, context.Cotangent);
    }
}

/// <summary>c = a − b; da = g, db = −g.</summary>
internal sealed class SubOp() : BinaryOp<SubFunction>(new("Sub", "c = a - b under broadcasting; integers wrap.", new("A"), new InputSchema("B")) { Types = TypeSets.NumericT })
{
    public static readonly SubOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        context.Set(0, context.Cotangent);
        if (context.Needs(1))
            context.Set(1, -context.Cotangent);
    }
}

/// <summary>c = a · b; da = g · b, db = g · a.</summary>
internal sealed class MulOp() : BinaryOp<MulFunction>(new("Mul", "c = a * b under broadcasting; integers wrap.", new("A"), new InputSchema("B")) { Types = TypeSets.NumericT })
{
    public static readonly MulOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        if (context.Needs(0))
            context.Set(0, context.Cotangent * context.Input(1));
        if (context.Needs(1))
            context.Set(1, context.Cotangent * context.Input(0));
    }
}

/// <summary>c = a / b; da = g / b, db = −g · c / b.</summary>
internal sealed class DivOp() : BinaryOp<DivFunction>(new("Div", "c = a / b under broadcasting, as IEEE 754: x/0 is infinite, 0/0 NaN.", new("A"), new InputSchema("B")))
{
    public static readonly DivOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        var quotient = context.Cotangent / context.Input(1);
        context.Set(0, quotient);
        if (context.Needs(1))
            context.Set(1, -(quotient * context.Output));
    }
}

/// <summary>y = −x; dx = −g.</summary>
internal sealed class NegOp() : UnaryOp<NegFunction>(new("Neg", "y = -x; integers wrap.", new InputSchema("X")) { Types = TypeSets.NumericT })
{
    public static readonly NegOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(0, -context.Cotangent);
}

/// <summary>y = |x|; dx = g · sign(x), 0 at 0.</summary>
internal sealed class AbsOp() : UnaryOp<AbsFunction>(new("Abs", "y = |x|; the derivative at 0 is 0.", new InputSchema("X")) { Types = TypeSets.NumericT })
{
    public static readonly AbsOp Instance = new();

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent * context.Input(0).Sign());
}

/// <summary>y = −1, 0 or 1.</summary>
internal sealed class SignOp() : UnaryOp<SignFunction>(new("Sign", "y = -1, 0 or 1; NaN for NaN. Contributes no derivative.", new InputSchema("input", Differentiability: Differentiability.Blocked)) { Types = TypeSets.NumericT })
{
    public static readonly SignOp Instance = new();
}
