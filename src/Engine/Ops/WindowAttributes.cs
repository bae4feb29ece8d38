using Gradients.Engine.Graph;
using Gradients.Engine.Kernels.Convolutions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// The attributes of ONNX's sliding windows (Conv, MaxPool, AveragePool) and the axes they come to, which the primitives
/// carry: kernel, strides, dilations and, worked out already, the pads in front and the sizes of input and output.
/// </summary>
internal static class WindowAttributes
{
    public static readonly AttributeSchema Strides = new("strides", typeof(long[]), "Step of the window along each spatial axis; 1 when omitted.");

    public static readonly AttributeSchema Dilations = new("dilations", typeof(long[]), "Distance of neighbouring kernel elements along each spatial axis; 1 when omitted.");

    public static readonly AttributeSchema Pads = new("pads", typeof(long[]), "Elements added in front along each spatial axis, then behind; 0 when omitted.");

    public static readonly AttributeSchema AutoPad = new("auto_pad", typeof(string), "\"NOTSET\" (pads count), \"VALID\" (none), \"SAME_UPPER\" or \"SAME_LOWER\" (output = ceil(input / stride), an odd element behind or in front).", Default: "NOTSET");

    /// <summary>What the primitives carry.</summary>
    public static readonly AttributeSchema[] Resolved =
    [
        new("input", typeof(long[]), "Spatial sizes of the input.", Required: true),
        new("kernel", typeof(long[]), "Sizes of the window.", Required: true),
        new("output", typeof(long[]), "Positions of the window.", Required: true),
        new("strides", typeof(long[]), "Steps of the window.", Required: true),
        new("dilations", typeof(long[]), "Distances of kernel elements.", Required: true),
        new("pads", typeof(long[]), "Elements in front.", Required: true),
    ];

    /// <summary>Works out the axes for an input's spatial sizes (one or two).</summary>
    /// <exception cref="GradientsException">INVALID_ATTRIBUTE, or SHAPE_MISMATCH when the window does not fit.</exception>
    public static WindowAxis[] Resolve(OpCall call, ReadOnlySpan<long> input, ReadOnlySpan<long> kernel, bool ceil = false)
    {
        var axes = input.Length;
        if (axes is not (1 or 2))
            throw call.ShapeMismatch("The input is [N, C, W] or [N, C, H, W]");
        var strides = List(call, "strides", axes, 1, 1);
        var dilations = List(call, "dilations", axes, 1, 1);
        var pads = List(call, "pads", 2 * axes, 0, 0);
        var autoPad = call.Attributes.Text("auto_pad", "NOTSET");
        if (autoPad is not ("NOTSET" or "VALID" or "SAME_UPPER" or "SAME_LOWER"))
            throw call.InvalidAttribute($"auto_pad is \"{autoPad}\"; allowed are \"NOTSET\", \"VALID\", \"SAME_UPPER\" and \"SAME_LOWER\"");
        if (autoPad != "NOTSET" && call.Attributes.Find("pads") is not null && pads.Any(p => p != 0))
            throw call.InvalidAttribute("pads and auto_pad exclude each other");
        var result = new WindowAxis[axes];
        for (var d = 0; d < axes; d++)
        {
            if (kernel[d] is < 1 or > int.MaxValue || input[d] > int.MaxValue)
                throw call.ShapeMismatch($"Input size {input[d]} or kernel size {kernel[d]} of spatial axis {d} is out of range");
            long extent = checked(((kernel[d] - 1) * dilations[d]) + 1), front = pads[d], behind = pads[axes + d];
            if (autoPad.StartsWith("SAME", StringComparison.Ordinal))
            {
                var total = Math.Max(0, (((input[d] + strides[d] - 1) / strides[d] - 1) * strides[d]) + extent - input[d]);
                (front, behind) = autoPad == "SAME_UPPER" ? (total / 2, total - (total / 2)) : (total - (total / 2), total / 2);
            }

            var room = input[d] + front + behind - extent;
            // Sums and windows are walked with 32-bit sizes.
            if (input[d] == 0 || room < 0 || input[d] + front + behind > int.MaxValue)
                throw call.ShapeMismatch($"A window of {extent} elements does not fit spatial axis {d} of {input[d]} + {front} + {behind}");
            var output = ((ceil ? room + strides[d] - 1 : room) / strides[d]) + 1;
            // A window that would begin behind the input and its front padding sees nothing.
            if (ceil && (output - 1) * strides[d] >= input[d] + front)
                output--;
            result[d] = new((int)input[d], (int)kernel[d], (int)output, (int)strides[d], (int)dilations[d], (int)front);
        }

        return result;
    }

    public static (string, object)[] Entries(WindowAxis[] axes) =>
    [
        ("input", Array.ConvertAll(axes, a => (long)a.Input)),
        ("kernel", Array.ConvertAll(axes, a => (long)a.Kernel)),
        ("output", Array.ConvertAll(axes, a => (long)a.Output)),
        ("strides", Array.ConvertAll(axes, a => (long)a.Stride)),
        ("dilations", Array.ConvertAll(axes, a => (long)a.Dilation)),
        ("pads", Array.ConvertAll(axes, a => (long)a.Pad)),
    ];

    /// <summary>The axes of a primitive, rows first; a single one is the columns.</summary>
    public static (WindowAxis Rows, WindowAxis Columns) Axes(Attributes attributes)
    {
        long[] Of(string name) => attributes.Ints(name)!;
        var (input, kernel, output, strides, dilations, pads) = (Of("input"), Of("kernel"), Of("output"), Of("strides"), Of("dilations"), Of("pads"));
        WindowAxis Axis(int d) => new((int)input[d], (int)kernel[d], (int)output[d], (int)strides[d], (int)dilations[d], (int)pads[d]);
        return input.Length == 1 ? (WindowAxis.One, Axis(0)) : (Axis(0), Axis(1));
    }

    /// <summary>The axes of a pool.</summary>
    /// <exception cref="GradientsException">As <see cref="Resolve"/>.</exception>
    public static WindowAxis[] Pool(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        if (shape.Rank is not (3 or 4))
            throw call.ShapeMismatch("The input is [N, C, W] or [N, C, H, W]");
        var kernel = call.Attributes.Ints("kernel_shape") ?? [];
        if (kernel.Length != shape.Rank - 2 || kernel.Any(k => k is < 1 or > int.MaxValue))
            throw call.InvalidAttribute($"kernel_shape is {Shape.Format(kernel)}; it holds {shape.Rank - 2} numbers of at least 1");
        return Resolve(call, shape.Dimensions[2..], kernel, call.Attributes.Int("ceil_mode", 0) != 0);
    }

    /// <summary>Padding behind a pool's axis: as given, or what auto_pad makes of it.</summary>
    public static long PadBehind(OpCall call, WindowAxis[] axes, int axis)
    {
        if (call.Attributes.Text("auto_pad", "NOTSET") == "NOTSET")
            return call.Attributes.Ints("pads")?[axes.Length + axis] ?? 0;
        var a = axes[axis];
        return Math.Max(0, ((a.Output - 1L) * a.Stride) + ((a.Kernel - 1L) * a.Dilation) + 1 - a.Input - a.Pad);
    }

    /// <summary>The windows of a primitive over the planes [N · C] of its input or, for an adjoint, of its output.</summary>
    public static PoolShape PoolShape(Node node)
    {
        var (rows, columns) = Axes(node.Attributes);
        return new(node.Shape[0] * node.Shape[1], rows, columns);
    }

    public static Shape OutputShape(OpCall call) => new([.. call.Inputs[0].Shape.Dimensions[..2], .. call.Attributes.Ints("output")!]);

    public static Shape InputShape(OpCall call) => new([.. call.Inputs[0].Shape.Dimensions[..2], .. call.Attributes.Ints("input")!]);

    /// <summary>Those of a primitive's attributes that say its windows.</summary>
    public static Attributes Only(Attributes attributes) =>
        Attributes.Of([.. attributes.Entries.Where(e => Array.Exists(Resolved, r => r.Name == e.Name))]);

    /// <summary>The shape of a pool over all spatial axes, and how many elements they have.</summary>
    /// <exception cref="GradientsException">SHAPE_MISMATCH without spatial axes or elements.</exception>
    public static Shape GlobalShape(OpCall call, out long elements)
    {
        var shape = call.Inputs[0].Shape;
        elements = 1;
        foreach (var size in shape.Rank < 3 ? [0] : shape.Dimensions[2..])
            elements *= size;
        return elements is > 0 and <= int.MaxValue
            ? new Shape([.. shape.Dimensions[..2], .. Enumerable.Repeat(1L, shape.Rank - 2)])
            : throw call.ShapeMismatch("The input is [N, C, spatial...] with at least one and fewer than 2^31 spatial elements");
    }

    private static long[] List(OpCall call, string name, int count, long orElse, long least)
    {
        var values = call.Attributes.Ints(name) ?? [.. Enumerable.Repeat(orElse, count)];
        if (values.Length != count || values.Any(v => v < least || v > int.MaxValue))
            throw call.InvalidAttribute($"{name} is {Shape.Format(values)}; it holds {count} numbers of at least {least}");
        return values;
    }
}
