using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = x[start : end : step] along some axes; bounds outside a dimension are clamped, steps may be negative.</summary>
internal sealed class SliceOp() : ComposedOp(new("Slice", "The elements start, start + step, … before end along each of the axes. Negative bounds count from the end; bounds are clamped to the dimension; negative steps run backwards.", new("data"), new("starts", "I", Differentiability.Blocked), new("ends", "I", Differentiability.Blocked), new("axes", "I", Differentiability.Blocked, Optional: true), new InputSchema("steps", "I", Differentiability.Blocked, Optional: true)) { Types = TypeSets.WithIndices(DataTypes.All) })
{
    public static readonly SliceOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        long[] starts = call.ConstantInts(1), ends = call.ConstantInts(2);
        var axes = call.Optional(3) is null ? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)] : call.ConstantInts(3);
        var steps = call.Optional(4) is null ? [.. starts.Select(_ => 1L)] : call.ConstantInts(4);
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
            throw call.ShapeMismatch("starts, ends, axes and steps have the same length");
        long[] first = new long[shape.Rank], step = new long[shape.Rank], sizes = shape.Dimensions.ToArray();
        Array.Fill(step, 1);
        var seen = new bool[shape.Rank];
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = shape.Axis(axes[i]);
            if (seen[axis] || steps[i] == 0)
                throw call.InvalidAttribute(seen[axis] ? $"axis {axis} is given twice" : "a step is 0");
            seen[axis] = true;
            (first[axis], step[axis], sizes[axis]) = Resolve(starts[i], ends[i], steps[i], shape[axis]);
        }

        return SliceViewOp.Apply(call.Inputs[0], first, step, sizes);
    }

    private static (long Start, long Step, long Size) Resolve(long start, long end, long step, long dimension)
    {
        start = start < 0 ? start + dimension : start;
        end = end < 0 ? end + dimension : end;
        long size;
        if (step > 0)
        {
            (start, end) = (Math.Clamp(start, 0, dimension), Math.Clamp(end, 0, dimension));
            size = end > start ? 1 + ((end - start - 1) / step) : 0;
        }
        else
        {
            (start, end) = (Math.Clamp(start, -1, dimension - 1), Math.Clamp(end, -1, dimension - 1));
            size = start > end ? 1 + ((end - start + 1) / step) : 0;
        }

        return (size == 0 ? 0 : start, size <= 1 ? 1 : step, size);
    }
}

/// <summary>y[i…] = x[starts + i·steps]; dx = g written into zeros.</summary>
internal sealed class SliceViewOp() : ViewOp(new("SliceView", "The elements starts + i * steps for i in sizes, for every dimension.", new InputSchema("data"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.AnyT,
    Attributes = [new("starts", typeof(long[]), "One a dimension.", Required: true), new("steps", typeof(long[]), "One a dimension.", Required: true), new("sizes", typeof(long[]), "The output's shape.", Required: true)],
})
{
    public static readonly SliceViewOp Instance = new();

    public static Node Apply(Node x, long[] starts, long[] steps, long[] sizes) =>
        x.Builder.Add(Instance, Attributes.Of(("starts", starts), ("steps", steps), ("sizes", sizes)), x);

    public override NodeType Infer(OpCall call) => new(call.Inputs[0].DataType, new Shape(call.Attributes.Ints("sizes")!));

    public override Layout View(Node node, Layout input) => Window(node.Attributes, node.Shape, input);

    /// <summary>The layout of the elements starts + i·steps of a whole.</summary>
    public static Layout Window(Attributes attributes, Shape sizes, Layout whole)
    {
        long[] starts = attributes.Ints("starts")!, steps = attributes.Ints("steps")!;
        var offset = whole.Offset;
        for (var i = 0; i < starts.Length; i++)
        {
            offset += starts[i] * whole.Strides[i];
            steps[i] *= whole.Strides[i];
        }

        return new Layout(sizes, steps, offset);
    }

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Builder.Add(
        SliceAdjointOp.Instance,
        Attributes.Of(("starts", context.Attributes.Ints("starts")!), ("steps", context.Attributes.Ints("steps")!), ("shape", context.Input(0).Shape.Dimensions.ToArray())),
        context.Cotangent));
}

/// <summary>y = 0 of the shape, then y[starts + i·steps] = x[i…]; dx = the same slice of g.</summary>
internal sealed class SliceAdjointOp() : KernelOp(new("SliceAdjoint", "Zeros of the shape with the input written at starts + i * steps.", new InputSchema("data"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.AnyT,
    Attributes = [new("starts", typeof(long[]), "One a dimension.", Required: true), new("steps", typeof(long[]), "One a dimension.", Required: true), new("shape", typeof(long[]), "The output's shape.", Required: true)],
})
{
    public static readonly SliceAdjointOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) => new(call.Inputs[0].DataType, new Shape(call.Attributes.Ints("shape")!));

    public override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        var window = SliceViewOp.Window(node.Attributes, node.Inputs[0].Shape, Layout.RowMajor(node.Shape));
        return new WindowKernel(window, node.Shape.ElementCount, node.DataType.Size());
    }

    public override void Derivative(DerivativeContext context) => context.Set(0, SliceViewOp.Apply(
        context.Cotangent, context.Attributes.Ints("starts")!, context.Attributes.Ints("steps")!, context.Input(0).Shape.Dimensions.ToArray()));

    /// <summary>Zero-fills the output piece by piece, then writes the input into the window.</summary>
    private sealed unsafe class WindowKernel : Kernel
    {
        private const long UnitElements = 1 << 18;

        private readonly Layout _window;
        private readonly long _outputBytes;
        private readonly int _size;
        private readonly long _fillUnits;

        public WindowKernel(Layout window, long outputElements, int size)
        {
            (_window, _size, _outputBytes) = (window, size, outputElements * size);
            // All zeros stand before one of them is overwritten.
            _fillUnits = (outputElements + UnitElements - 1) / UnitElements;
            ConcurrentUnits = _fillUnits;
            UnitCount = _fillUnits + ((window.Shape.ElementCount + UnitElements - 1) / UnitElements);
        }

        public override void Run(in KernelArguments arguments, long unit)
        {
            var output = (byte*)arguments.Outputs[0];
            if (unit < _fillUnits)
            {
                var start = unit * UnitElements * _size;
                new Span<byte>(output + start, (int)Math.Min(UnitElements * _size, _outputBytes - start)).Clear();
                return;
            }

            var first = (unit - _fillUnits) * UnitElements;
            var count = Math.Min(UnitElements, _window.Shape.ElementCount - first);
            StridedCopy.Scatter(arguments.Inputs[0], output + (_window.Offset * _size), _window.Shape.Dimensions, _window.Strides, _size, first, count);
        }
    }
}
