using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = the inputs behind one another along an axis; dxᵢ = the slice of g where xᵢ lies.</summary>
internal sealed class ConcatOp() : KernelOp(new("Concat", "Joins the inputs along an axis; all other dimensions are equal.", new InputSchema("inputs", Variadic: true))
{
    Types = TypeSets.AnyT,
    Attributes = [new("axis", typeof(long), "The axis; negative counts from the end.", Required: true)],
})
{
    public static readonly ConcatOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call)
    {
        var first = call.Inputs[0].Shape;
        var axis = first.Axis(call.Attributes.Int("axis", 0));
        var sizes = first.Dimensions.ToArray();
        for (var i = 1; i < call.InputCount; i++)
        {
            var shape = call.Inputs[i].Shape;
            if (shape.Rank != first.Rank)
                throw call.ShapeMismatch($"{first} and {shape} have different ranks");
            for (var d = 0; d < first.Rank; d++)
            {
                if (d != axis && shape[d] != first[d])
                    throw call.ShapeMismatch($"{first} and {shape} differ outside axis {axis}");
            }

            sizes[axis] += shape[axis];
        }

        return new(call.Inputs[0].DataType, new Shape(sizes));
    }

    public override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        var axis = node.Shape.Axis(node.Attributes.Int("axis", 0));
        return new ConcatKernel(Array.ConvertAll(node.Inputs, i => i.Shape), axis, node.Shape, node.DataType.Size());
    }

    public override void Derivative(DerivativeContext context)
    {
        var axis = context.Output.Shape.Axis(context.Attributes.Int("axis", 0));
        long[] starts = new long[context.Output.Shape.Rank], steps = new long[starts.Length];
        Array.Fill(steps, 1);
        for (var i = 0; i < context.InputCount; i++)
        {
            var shape = context.Input(i).Shape;
            if (context.Needs(i))
                context.Set(i, SliceViewOp.Apply(context.Cotangent, starts, steps, shape.Dimensions.ToArray()));
            starts[axis] += shape[axis];
        }
    }

    /// <summary>Writes each input [outer, width] into its columns of the output [outer, total].</summary>
    private sealed unsafe class ConcatKernel : Kernel
    {
        private const long UnitElements = 1 << 18;

        private readonly List<(int Input, long Start, long Count)> _units = [];
        private readonly long[] _widths;
        private readonly long[] _columns;
        private readonly long _outer = 1;
        private readonly long _total;
        private readonly int _size;

        public ConcatKernel(Shape[] inputs, int axis, Shape output, int size)
        {
            _size = size;
            long inner = 1;
            for (var d = 0; d < axis; d++)
                _outer *= output[d];
            for (var d = axis + 1; d < output.Rank; d++)
                inner *= output[d];
            _total = output[axis] * inner;
            (_widths, _columns) = (new long[inputs.Length], new long[inputs.Length]);
            long column = 0;
            for (var i = 0; i < inputs.Length; i++)
            {
                (_widths[i], _columns[i]) = (inputs[i][axis] * inner, column);
                column += _widths[i];
                for (long start = 0; start < inputs[i].ElementCount; start += UnitElements)
                    _units.Add((i, start, Math.Min(UnitElements, inputs[i].ElementCount - start)));
            }

            UnitCount = _units.Count;
        }

        public override void Run(in KernelArguments arguments, long unit)
        {
            var (input, start, count) = _units[(int)unit];
            var output = (byte*)arguments.Outputs[0] + (_columns[input] * _size);
            StridedCopy.Scatter(arguments.Inputs[input], output, [_outer, _widths[input]], [_total, 1], _size, start, count);
        }
    }
}
