using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Convolutions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y[n, c, o…] = the mean of the window's elements inside x, or of those inside x and its padding, which are 0.</summary>
internal sealed class AveragePoolOp() : ComposedOp(new("AveragePool", "Mean of each window of X [N, C, W] or [N, C, H, W] over its elements inside X or, with count_include_pad, also over the padding's zeros.", new InputSchema("X"))
{
    SinceVersion = 11,
    Attributes =
    [
        WindowAttributes.AutoPad,
        new("ceil_mode", typeof(long), "Whether a window that overhangs behind counts.", Default: 0L),
        new("count_include_pad", typeof(long), "Whether the mean counts the padding.", Default: 0L),
        new("kernel_shape", typeof(long[]), "Sizes of the window.", Required: true),
        WindowAttributes.Pads,
        WindowAttributes.Strides,
    ],
})
{
    public static readonly AveragePoolOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var axes = WindowAttributes.Pool(call);
        var entries = WindowAttributes.Entries(axes).ToList();
        var includesPads = call.Attributes.Int("count_include_pad", 0) != 0;
        for (var d = 0; d < axes.Length; d++)
        {
            var (axis, behind) = (axes[d], WindowAttributes.PadBehind(call, axes, d));
            entries.Add(($"counts_{d}", Enumerable.Range(0, axis.Output).Select(o => includesPads
                ? Math.Min(axis.Kernel, axis.Pad + axis.Input + behind - ((long)o * axis.Stride))
                : axis.Inside(o) is var (first, end) ? end - first : 0).ToArray()));
        }

        return call.Builder.Add(WindowMeanOp.Forward, Attributes.Of([.. entries]), call.Inputs[0]);
    }
}

/// <summary>The mean over all spatial axes, which become 1.</summary>
internal sealed class GlobalAveragePoolOp() : ComposedOp(new("GlobalAveragePool", "Mean over all spatial axes of X [N, C, spatial...], which become 1.", new InputSchema("X")) { SinceVersion = 1 })
{
    public static readonly GlobalAveragePoolOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        WindowAttributes.GlobalShape(call, out _);
        return call.Inputs[0].Mean([.. Enumerable.Range(2, call.Inputs[0].Shape.Rank - 2).Select(d => (long)d)], keepDims: true);
    }
}

/// <summary>y[o] = Σ of the window / counts[o], or its adjoint, x[i] = Σ over the windows that hold i of g[o] / counts[o]; each is the other's rule.</summary>
internal sealed class WindowMeanOp(string name, string doc, bool isAdjoint) : KernelOp(new(name, doc, new InputSchema("x"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = [.. WindowAttributes.Resolved, new("counts_0", typeof(long[]), "Divisors along the first spatial axis.", Required: true), new("counts_1", typeof(long[]), "Along the second.")],
})
{
    public static readonly WindowMeanOp Forward = new("WindowMean", "Mean of each window.", isAdjoint: false);

    public static readonly WindowMeanOp Adjoint = new("WindowMeanAdjoint", "The adjoint of WindowMean.", isAdjoint: true);

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) =>
        new(call.Inputs[0].DataType, isAdjoint ? WindowAttributes.InputShape(call) : WindowAttributes.OutputShape(call));

    public override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        long[] first = node.Attributes.Ints("counts_0")!, second = node.Attributes.Ints("counts_1") ?? first;
        var rows = ReferenceEquals(first, second) ? [1L] : first;
        return node.DataType == DataType.Float32
            ? new AveragePoolKernel<float>(WindowAttributes.PoolShape(node), rows, second, isAdjoint)
            : new AveragePoolKernel<double>(WindowAttributes.PoolShape(node), rows, second, isAdjoint);
    }

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(isAdjoint ? Forward : Adjoint, context.Attributes, context.Cotangent));
}
