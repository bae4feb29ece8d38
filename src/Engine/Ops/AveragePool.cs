using Gradients.Engine.Graph;
using Gradients.Engine.Kernels.Convolutions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// y[n, c, o…] = the mean of the window's elements inside x, or of those inside x and its padding, which are 0: a convolution of
/// every plane with ones, divided by the same of a plane of ones.
/// </summary>
internal sealed class AveragePoolOp() : ComposedOp(new("AveragePool", "Mean of each window of X [N, C, W] or [N, C, H, W] over its elements inside X or, with count_include_pad, also over the padding's zeros. A window has at most 65,536 elements or is the whole of X; a mean over none is NaN.", new InputSchema("X"))
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

    /// <summary>A convolution has tables of its window, which here no client would have sent.</summary>
    private const long MaxWindow = 1 << 16;

    protected override Node Compose(OpCall call)
    {
        var (x, axes) = (call.Inputs[0], WindowAttributes.Pool(call));
        if (Array.TrueForAll(axes, a => a.Kernel == a.Input && a.IsCovered))
            return x.Mean([.. Enumerable.Range(2, axes.Length).Select(d => (long)d)], keepDims: true);
        double window = 1;
        foreach (var axis in axes)
            window *= axis.Kernel;
        if (window > MaxWindow)
            throw call.InvalidAttribute($"kernel_shape has {window} elements; a mean is over {MaxWindow} at most");

        var counted = axes;
        if (call.Attributes.Int("count_include_pad", 0) != 0)
            counted = [.. axes.Select((a, d) => a with { Input = checked((int)(a.Pad + a.Input + WindowAttributes.PadBehind(call, axes, d))), Pad = 0 })];
        var one = call.Builder.Scalar(x.DataType, 1);
        var planes = Sums(one, x.Reshape(new Shape([x.Shape[0] * x.Shape[1], 1, .. x.Shape.Dimensions[2..]])), axes);
        var sums = planes.Reshape(new Shape([.. x.Shape.Dimensions[..2], .. planes.Shape.Dimensions[2..]]));
        return Array.TrueForAll(counted, a => a.IsCovered) ? sums / window : sums / Sums(one, one.BroadcastTo(new Shape([1, 1, .. counted.Select(a => (long)a.Input)])), counted);
    }

    /// <summary>The sum of each window of planes [P, 1, …].</summary>
    private static Node Sums(Node one, Node planes, WindowAxis[] axes)
    {
        var ones = one.BroadcastTo(new Shape([1, 1, .. axes.Select(a => (long)a.Kernel)]));
        return one.Builder.Add(ConvolutionOp.Instance, Attributes.Of([.. WindowAttributes.Entries(axes), ("group", 1L)]), planes, ones);
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
