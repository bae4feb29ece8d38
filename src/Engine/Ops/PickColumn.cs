using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y[r] = x[r, columns[r]] for x[rows, width]; dx = g placed there into zeros.</summary>
internal sealed class PickColumnOp() : KernelOp(new("PickColumn", "The element of each row at its column, in [0, width).", new("x"), new InputSchema("columns", "I", Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
})
{
    public static readonly PickColumnOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) =>
        call.Inputs[0].Shape.Rank == 2 && call.Inputs[1].Shape.Equals(new Shape(call.Inputs[0].Shape[0]))
            ? new(call.Inputs[0].DataType, call.Inputs[1].Shape)
            : throw call.ShapeMismatch("The inputs are [rows, width] and [rows]");

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.DataType == DataType.Float32
        ? new ColumnKernel<float>(node.Inputs[0].Shape, places: false)
        : new ColumnKernel<double>(node.Inputs[0].Shape, places: false);

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Builder.Add(
        PlaceColumnOp.Instance, Attributes.Of(("width", context.Input(0).Shape[1])), context.Cotangent, context.Input(1)));
}

/// <summary>y[rows, width] = 0, then y[r, columns[r]] = x[r]; dx = g picked there.</summary>
internal sealed class PlaceColumnOp() : KernelOp(new("PlaceColumn", "Zeros with one element a row, at its column in [0, width).", new("x"), new InputSchema("columns", "I", Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
    Attributes = [new("width", typeof(long), "Elements a row.", Required: true)],
})
{
    public static readonly PlaceColumnOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call) => call.Inputs[0].Shape.Rank == 1 && call.Inputs[1].Shape.Equals(call.Inputs[0].Shape)
        ? new(call.Inputs[0].DataType, new Shape(call.Inputs[0].Shape[0], call.Attributes.Int("width", 0)))
        : throw call.ShapeMismatch("The inputs are [rows] and [rows]");

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.DataType == DataType.Float32
        ? new ColumnKernel<float>(node.Shape, places: true)
        : new ColumnKernel<double>(node.Shape, places: true);

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(PickColumnOp.Instance, context.Cotangent, context.Input(1)));
}

/// <summary>Moves one element a row between [rows, width] and [rows].</summary>
internal sealed unsafe class ColumnKernel<T> : Kernel where T : unmanaged
{
    private const long UnitElements = 1 << 18;

    private readonly long _rows;
    private readonly long _width;
    private readonly long _rowsPerUnit;
    private readonly bool _places;

    public ColumnKernel(Shape matrix, bool places)
    {
        (_rows, _width, _places) = (matrix[0], matrix[1], places);
        _rowsPerUnit = Math.Max(1, UnitElements / (places ? Math.Max(1, _width) : 8));
        UnitCount = (_rows + _rowsPerUnit - 1) / _rowsPerUnit;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        T* x = (T*)arguments.Inputs[0], y = (T*)arguments.Outputs[0];
        var columns = (long*)arguments.Inputs[1];
        var end = Math.Min(_rows, (unit + 1) * _rowsPerUnit);
        for (var r = unit * _rowsPerUnit; r < end; r++)
        {
            var column = columns[r];
            if (column < 0 || column >= _width)
                throw new GradientsException(ErrorCode.OutOfRange, ErrorReasons.IndexOutOfRange, $"Class {column} at position {r} is outside [0, {_width}).");
            if (_places)
            {
                for (long start = 0; start < _width; start += UnitElements)
                    new Span<T>(y + (r * _width) + start, (int)Math.Min(UnitElements, _width - start)).Clear();
                y[(r * _width) + column] = x[r];
            }
            else
            {
                y[r] = x[(r * _width) + column];
            }
        }
    }
}
