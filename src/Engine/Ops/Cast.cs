using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = x converted; dx = g converted back, between floating types; others contribute nothing.</summary>
internal sealed class CastOp() : ElementwiseOp(new("Cast", "y = x converted: to float32 or float64 rounded to nearest, to int64 toward zero, saturating, NaN to 0, to bool by x != 0.", new InputSchema("input"))
{
    Types = TypeSets.AnyT,
    Attributes = [new("to", typeof(DataType), "The element type, or ONNX's number of it: 1 float32, 11 float64, 7 int64, 9 bool.", Required: true)],
})
{
    public static readonly CastOp Instance = new();

    public override NodeType Infer(OpCall call) => new(call.Attributes.DataType("to"), call.Inputs[0].Shape);

    public override TileFunction Tile(Node node) => node.Inputs[0].DataType switch
    {
        DataType.Float32 => From<float>(node.DataType),
        DataType.Float64 => From<double>(node.DataType),
        DataType.Int64 => From<long>(node.DataType),
        _ => From<byte>(node.DataType),
    };

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent.Cast(context.Input(0).DataType));

    private static unsafe TileFunction From<TFrom>(DataType to) where TFrom : unmanaged, INumber<TFrom> => to switch
    {
        DataType.Float32 => new(&Convert<TFrom, float>),
        DataType.Float64 => new(&Convert<TFrom, double>),
        DataType.Int64 => new(&Convert<TFrom, long>),
        _ => new(&Nonzero<TFrom>),
    };

    private static unsafe void Convert<TFrom, TTo>(void** inputs, int inputCount, void* output, int count)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : unmanaged, INumber<TTo> =>
        Selection.Cast(new ReadOnlySpan<TFrom>(inputs[0], count), new Span<TTo>(output, count));

    private static unsafe void Nonzero<TFrom>(void** inputs, int inputCount, void* output, int count) where TFrom : unmanaged, INumber<TFrom> =>
        Selection.ToBool(new ReadOnlySpan<TFrom>(inputs[0], count), new Span<byte>(output, count));
}
