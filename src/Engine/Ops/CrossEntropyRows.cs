using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y[r] = ln Σ e^x[r, ·] − x[r, c[r]] for x[rows, width]; dx = g[r] · (softmax(x) − onehot(c)).</summary>
internal sealed class CrossEntropyRowsOp() : KernelOp(new("CrossEntropyRows", "-ln softmax of each row at its class, in [0, width).", new("x"), new InputSchema("classes", "I", Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
})
{
    public static readonly CrossEntropyRowsOp Instance = new();

    public override OpKind Kind => OpKind.Reduction;

    public override NodeType Infer(OpCall call) =>
        call.Inputs[0].Shape.Rank == 2 && call.Inputs[1].Shape.Equals(new Shape(call.Inputs[0].Shape[0]))
            ? new(call.Inputs[0].DataType, call.Inputs[1].Shape)
            : throw call.ShapeMismatch("The inputs are [rows, width] and [rows]");

    public override Kernel CreateKernel(Node node, Layout[] inputs) => RowKernels.Create<CrossEntropyFunction>(node, node.Inputs[0].Shape, 20);

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(CrossEntropyRowsGradientOp.Instance, context.Input(0), context.Input(1), context.Cotangent));
}

/// <summary>
/// z[r, ·] = g[r] · (p − onehot(c[r])) with p = softmax(x[r, ·]); for the cotangent h, dg[r] = Σ h p − h[r, c[r]] and
/// dx = g[r] · p · (h − Σ h p).
/// </summary>
internal sealed class CrossEntropyRowsGradientOp() : KernelOp(new("CrossEntropyRowsGradient", "The cotangent of the logits of CrossEntropyRows.", new("x"), new("classes", "I", Differentiability.Blocked), new InputSchema("g"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
})
{
    public static readonly CrossEntropyRowsGradientOp Instance = new();

    public override OpKind Kind => OpKind.Reduction;

    public override NodeType Infer(OpCall call) =>
        call.Inputs[0].Shape.Rank == 2 && call.Inputs[1].Shape.Equals(new Shape(call.Inputs[0].Shape[0])) && call.Inputs[2].Shape.Equals(call.Inputs[1].Shape)
            ? call.Inputs[0].Type
            : throw call.ShapeMismatch("The inputs are [rows, width], [rows] and [rows]");

    public override Kernel CreateKernel(Node node, Layout[] inputs) => RowKernels.Create<CrossEntropyGradientFunction>(node, node.Shape, 20);

    public override void Derivative(DerivativeContext context)
    {
        var (x, classes, g, h) = (context.Input(0), context.Input(1), context.Input(2), context.Cotangent);
        var p = context.Builder.Add(SoftmaxRowsOp.Instance, x);
        if (context.Needs(0))
            context.Set(0, g.Reshape(new Shape(g.Shape[0], 1)) * context.Builder.Add(SoftmaxRowsGradientOp.Instance, p, h));
        if (context.Needs(2))
            context.Set(2, (h * p).Sum([-1]) - context.Builder.Add(PickColumnOp.Instance, h, classes));
    }
}
