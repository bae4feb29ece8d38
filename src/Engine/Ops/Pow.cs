using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>z = x^y; the exponent has an element type of its own and is converted to the base's.</summary>
internal sealed class PowOp() : ComposedOp(new("Pow", "z = x^y under broadcasting, as IEEE 754 pow: x^0 = 1. The result has the type of x. At x = 0: d/dx of x^0 is 0, d/dy is 0 for y >= 0.", new("X"), new InputSchema("Y", "T1"))
{
    Types = new Dictionary<string, DataType[]> { ["T"] = DataTypes.Floating, ["T1"] = DataTypes.Numeric },
})
{
    public static readonly PowOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        _ = call.BroadcastShape();
        return call.Builder.Add(PowerOp.Instance, call.Inputs[0], call.Inputs[1].Cast(call.Inputs[0].DataType));
    }
}

/// <summary>
/// z = x^y for one element type; dx = g · y · x^(y−1), 0 where y = 0; dy = g · z · ln x, 0 where x = 0 and y ≥ 0.
/// Both guard the arguments: what is selected away is finite, so no 0 · ∞ appears in second derivatives.
/// </summary>
internal sealed class PowerOp() : ElementwiseOp(new("Power", "z = x^y for one element type.", new("X"), new InputSchema("Y")) { Domain = "gradients", SinceVersion = 1 })
{
    public static readonly PowerOp Instance = new();

    public override unsafe TileFunction Tile(Node node) => node.DataType == DataType.Float32 ? new(&Map<float>) : new(&Map<double>);

    public override void Derivative(DerivativeContext context)
    {
        var (x, y) = (context.Input(0), context.Input(1));
        if (context.Needs(0))
            context.Set(0, context.Cotangent * (y * x.Pow(y.Equal(0).Where(context.Scalar(1), y) - 1)));

        if (context.Needs(1))
        {
            var flat = y.Less(0).Where(context.Builder.Scalar(DataType.Bool, 0), x.Equal(0));
            var safe = flat.Where(context.Scalar(1), x);
            context.Set(1, context.Cotangent * (safe.Pow(y) * safe.Log()));
        }
    }

    private static unsafe void Map<T>(void** inputs, int inputCount, void* output, int count) where T : unmanaged, IFloatingPointIeee754<T> =>
        Elementwise.Pow(new ReadOnlySpan<T>(inputs[0], count), new ReadOnlySpan<T>(inputs[1], count), new Span<T>(output, count));
}
