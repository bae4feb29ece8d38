using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Convolutions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// y[n, m, o…] = b[m] + Σ over c and k… of x[n, c, o·stride + k·dilation − pad…] · w[m, c, k…], x being zero outside; with groups,
/// filter m of group g sees the channels of group g. One or two spatial axes.
/// </summary>
internal sealed class ConvOp() : ComposedOp(new("Conv", "Sum over channels and window of input times weights, plus a bias for each filter: X [N, C, W] or [N, C, H, W], W [M, C / group, kernel...], B [M]. Nothing is flipped; the input is zero outside.", new("X"), new("W"), new InputSchema("B", Optional: true))
{
    SinceVersion = 11,
    Attributes =
    [
        WindowAttributes.AutoPad,
        WindowAttributes.Dilations,
        new("group", typeof(long), "Groups that channels and filters are divided into.", Default: 1L),
        new("kernel_shape", typeof(long[]), "Spatial sizes of W, taken from W when omitted."),
        WindowAttributes.Pads,
        WindowAttributes.Strides,
    ],
})
{
    public static readonly ConvOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        Node x = call.Inputs[0], w = call.Inputs[1];
        if (x.Shape.Rank is not (3 or 4) || w.Shape.Rank != x.Shape.Rank)
            throw call.ShapeMismatch("X and W are [N, C, W] and [M, C / group, kernel], or with two spatial axes each");
        var group = call.Attributes.Int("group", 1);
        if (group < 1)
            throw call.InvalidAttribute($"group is {group}; it is at least 1");
        if (w.Shape[0] % group != 0 || x.Shape[1] != w.Shape[1] * group)
            throw call.ShapeMismatch($"{x.Shape[1]} channels and {w.Shape[0]} filters of {w.Shape[1]} channels do not make {group} groups");
        var kernel = w.Shape.Dimensions[2..];
        if (call.Attributes.Ints("kernel_shape") is { } stated && !kernel.SequenceEqual(stated))
            throw call.InvalidAttribute($"kernel_shape is {Shape.Format(stated)}; W has {Shape.Format(kernel)}");
        if (call.Optional(2) is { } bias && !bias.Shape.Equals(new Shape(w.Shape[0])))
            throw call.ShapeMismatch($"B is [{w.Shape[0]}]");

        var attributes = Attributes.Of([.. WindowAttributes.Entries(WindowAttributes.Resolve(call, x.Shape.Dimensions[2..], kernel)), ("group", group)]);
        var y = call.Builder.Add(ConvolutionOp.Instance, attributes, x, w);
        return call.Optional(2) is not { } b ? y : y + b.Reshape(new Shape([b.Shape[0], .. Enumerable.Repeat(1L, kernel.Length)]));
    }
}

/// <summary>
/// The three products of a convolution: y = x ∗ w, and the adjoints of that by x and by w. Each is linear in both of its inputs,
/// and its derivatives are the other two, so that they can be differentiated any number of times.
/// </summary>
internal abstract class ConvolutionProductOp(string name, string doc, string first, string second) : KernelOp(new(name, doc, new(first), new InputSchema(second))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = [.. WindowAttributes.Resolved, new("group", typeof(long), "Groups of channels and filters.", Required: true)],
})
{
    public sealed override OpKind Kind => OpKind.Contraction;

    public sealed override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        var (rows, columns) = WindowAttributes.Axes(node.Attributes);
        var (batch, channels, filters) = Sizes(node);
        var group = node.Attributes.Int("group", 1);
        var shape = new ConvolutionShape(checked((int)batch), checked((int)group), checked((int)channels), checked((int)(filters / group)), rows, columns);
        return node.DataType == DataType.Float32 ? Create<float>(shape) : Create<double>(shape);
    }

    protected abstract Kernel Create<T>(ConvolutionShape shape) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>N, the channels of one group, and the filters of all.</summary>
    protected abstract (long Batch, long Channels, long Filters) Sizes(Node node);

    /// <summary>x ∗ w.</summary>
    protected static Node Convolve(DerivativeContext context, Node x, Node w) => context.Builder.Add(ConvolutionOp.Instance, context.Attributes, x, w);

    /// <summary>The adjoint by x.</summary>
    protected static Node ToData(DerivativeContext context, Node g, Node w) => context.Builder.Add(ConvolutionDataGradientOp.Instance, context.Attributes, g, w);

    /// <summary>The adjoint by w.</summary>
    protected static Node ToWeights(DerivativeContext context, Node x, Node g) => context.Builder.Add(ConvolutionWeightGradientOp.Instance, context.Attributes, x, g);
}

/// <summary>y = x ∗ w; dx = adjoint(g, w), dw = adjoint(x, g).</summary>
internal sealed class ConvolutionOp() : ConvolutionProductOp("Convolution", "Convolution without bias, all sizes worked out.", "x", "w")
{
    public static readonly ConvolutionOp Instance = new();

    public override NodeType Infer(OpCall call) =>
        new(call.Inputs[0].DataType, new Shape([call.Inputs[0].Shape[0], call.Inputs[1].Shape[0], .. call.Attributes.Ints("output")!]));

    public override void Derivative(DerivativeContext context)
    {
        if (context.Needs(0))
            context.Set(0, ToData(context, context.Cotangent, context.Input(1)));
        if (context.Needs(1))
            context.Set(1, ToWeights(context, context.Input(0), context.Cotangent));
    }

    protected override Kernel Create<T>(ConvolutionShape shape) => new CorrelationKernel<T>(Correlation.Forward(shape));

    protected override (long, long, long) Sizes(Node node) => (node.Shape[0], node.Inputs[1].Shape[1], node.Shape[1]);
}

/// <summary>x[n, c, i…] = Σ over m and the (o, k) that meet i of g[n, m, o…] · w[m, c, k…]; dg = u ∗ w, dw = adjoint(u, g).</summary>
internal sealed class ConvolutionDataGradientOp() : ConvolutionProductOp("ConvolutionDataGradient", "The adjoint of a convolution by its input, a transposed convolution.", "g", "w")
{
    public static readonly ConvolutionDataGradientOp Instance = new();

    public override NodeType Infer(OpCall call) =>
        new(call.Inputs[0].DataType, new Shape([call.Inputs[0].Shape[0], call.Inputs[1].Shape[1] * call.Attributes.Int("group", 1), .. call.Attributes.Ints("input")!]));

    public override void Derivative(DerivativeContext context)
    {
        if (context.Needs(0))
            context.Set(0, Convolve(context, context.Cotangent, context.Input(1)));
        if (context.Needs(1))
            context.Set(1, ToWeights(context, context.Cotangent, context.Input(0)));
    }

    protected override Kernel Create<T>(ConvolutionShape shape) => new CorrelationKernel<T>(Correlation.DataGradient(shape));

    protected override (long, long, long) Sizes(Node node) => (node.Shape[0], node.Inputs[1].Shape[1], node.Inputs[1].Shape[0]);
}

/// <summary>w[m, c, k…] = Σ over n and o of x[n, c, o·stride + k·dilation − pad…] · g[n, m, o…]; dx = adjoint(g, u), dg = x ∗ u.</summary>
internal sealed class ConvolutionWeightGradientOp() : ConvolutionProductOp("ConvolutionWeightGradient", "The adjoint of a convolution by its weights.", "x", "g")
{
    public static readonly ConvolutionWeightGradientOp Instance = new();

    public override NodeType Infer(OpCall call) =>
        new(call.Inputs[0].DataType, new Shape([call.Inputs[1].Shape[1], call.Inputs[0].Shape[1] / call.Attributes.Int("group", 1), .. call.Attributes.Ints("kernel")!]));

    public override void Derivative(DerivativeContext context)
    {
        if (context.Needs(0))
            context.Set(0, ToData(context, context.Input(1), context.Cotangent));
        if (context.Needs(1))
            context.Set(1, Convolve(context, context.Input(0), context.Cotangent));
    }

    protected override Kernel Create<T>(ConvolutionShape shape) =>
        shape is { Channels: 1, Filters: 1, Groups: > 1 } ? new DepthwiseGradientKernel<T>(shape) : new WeightGradientKernel<T>(shape);

    protected override (long, long, long) Sizes(Node node) => (node.Inputs[0].Shape[0], node.Shape[1], node.Shape[0]);
}
