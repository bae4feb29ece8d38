using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Convolutions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// y[n, c, o…] = the largest element of the window. Its position is found once and saved: the value is picked there and the
/// cotangent placed there, so that of equal elements the first gets all of it.
/// </summary>
internal sealed class MaxPoolOp() : ComposedOp(new("MaxPool", "Largest element of each window of X [N, C, W] or [N, C, H, W]; elements outside count as nothing. The first of equal ones takes the gradient. A NaN is larger than every number.", new InputSchema("X"))
{
    SinceVersion = 12,
    Attributes =
    [
        WindowAttributes.AutoPad,
        new("ceil_mode", typeof(long), "Whether a window that overhangs behind counts.", Default: 0L),
        WindowAttributes.Dilations,
        new("kernel_shape", typeof(long[]), "Sizes of the window.", Required: true),
        WindowAttributes.Pads,
        WindowAttributes.Strides,
    ],
})
{
    public static readonly MaxPoolOp Instance = new();

    protected override Node Compose(OpCall call) => Apply(call.Inputs[0], WindowAttributes.Pool(call));

    /// <summary>The pool of windows that are worked out already.</summary>
    public static Node Apply(Node x, WindowAxis[] axes)
    {
        var attributes = WindowAttributes.Entries(axes);
        var indices = x.Builder.Add(MaxPoolIndicesOp.Instance, Attributes.Of(attributes), x);
        return x.Builder.Add(PoolPickOp.Instance, Attributes.Of([.. attributes, ("empty", double.NegativeInfinity)]), x, indices);
    }
}

/// <summary>The largest element of all spatial axes: a window as large as they are.</summary>
internal sealed class GlobalMaxPoolOp() : ComposedOp(new("GlobalMaxPool", "Largest element over all spatial axes of X [N, C, spatial...], which become 1. The first of equal ones takes the gradient.", new InputSchema("X")) { SinceVersion = 1 })
{
    public static readonly GlobalMaxPoolOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var shape = WindowAttributes.GlobalShape(call, out var elements);
        var flat = call.Inputs[0].Reshape(new Shape(shape[0], shape[1], elements));
        return MaxPoolOp.Apply(flat, [new(checked((int)elements), checked((int)elements), 1, 1, 1, 0)]).Reshape(shape);
    }
}

/// <summary>i[n, c, o…] = the flat position in x of the first largest element of the window; −1 when all of it lies outside.</summary>
internal sealed class MaxPoolIndicesOp() : KernelOp(new("MaxPoolIndices", "Flat positions of the first largest element of each window, int64.", new InputSchema("x", Differentiability: Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = WindowAttributes.Resolved,
})
{
    public static readonly MaxPoolIndicesOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) => new(DataType.Int64, WindowAttributes.OutputShape(call));

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.Inputs[0].DataType == DataType.Float32
        ? new MaxPoolIndicesKernel<float>(WindowAttributes.PoolShape(node))
        : new MaxPoolIndicesKernel<double>(WindowAttributes.PoolShape(node));
}

/// <summary>y[j] = x[i[j]], a constant where i[j] = −1; dx = g placed at i.</summary>
internal sealed class PoolPickOp() : KernelOp(new("PoolPick", "The elements of x at flat positions within their planes.", new("x"), new InputSchema("indices", "I", Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
    Attributes = [.. WindowAttributes.Resolved, new("empty", typeof(double), "What position -1 gives.", Required: true)],
})
{
    public static readonly PoolPickOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) => new(call.Inputs[0].DataType, call.Inputs[1].Shape);

    public override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        var (count, empty) = (node.Inputs[0].Shape.ElementCount, node.Attributes.Float("empty", 0));
        return node.DataType == DataType.Float32
            ? new PoolPickKernel<float>(count, node.Shape.ElementCount, (float)empty)
            : new PoolPickKernel<double>(count, node.Shape.ElementCount, empty);
    }

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(PoolPlaceOp.Instance, WindowAttributes.Only(context.Attributes), context.Cotangent, context.Input(1)));
}

/// <summary>x = 0, then x[i[j]] += g[j]; dg = u picked at i, 0 where i[j] = −1.</summary>
internal sealed class PoolPlaceOp() : KernelOp(new("PoolPlace", "Zeros with elements added at flat positions within their planes: the adjoint of PoolPick.", new("g"), new InputSchema("indices", "I", Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
    Attributes = WindowAttributes.Resolved,
})
{
    public static readonly PoolPlaceOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) => new(call.Inputs[0].DataType, WindowAttributes.InputShape(call));

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.DataType == DataType.Float32
        ? new PoolPlaceKernel<float>(WindowAttributes.PoolShape(node))
        : new PoolPlaceKernel<double>(WindowAttributes.PoolShape(node));

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Builder.Add(
        PoolPickOp.Instance, Attributes.Of([.. WindowAttributes.Only(context.Attributes).Entries, ("empty", 0.0)]), context.Cotangent, context.Input(1)));
}
