using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Ops;

/// <summary>
/// z = the extreme of x₀ … xₙ₋₁; dxᵢ = g / k where xᵢ = z, else 0, with k the number of inputs that attain it.
/// </summary>
internal abstract class ExtremumOp<TFunction>(OpSchema schema) : ElementwiseOp(schema)
    where TFunction : struct, IBinaryFunction
{
    public override TileFunction Tile(Node node) => Tiles.Variadic<TFunction>(node.DataType);

    public override void Derivative(DerivativeContext context)
    {
        var output = context.Output;
        var attained = new Node[context.InputCount];
        Node? ties = null;
        for (var i = 0; i < attained.Length; i++)
        {
            attained[i] = context.Input(i).Equal(output);
            var one = attained[i].Cast(output.DataType);
            ties = ties is null ? one : ties + one;
        }

        for (var i = 0; i < attained.Length; i++)
        {
            if (context.Needs(i))
                context.Set(i, attained[i].Where(context.Cotangent, context.Scalar(0)) / ties!);
        }
    }
}

internal sealed class MaxOp() : ExtremumOp<MaxFunction>(new("Max", "The largest of the inputs under broadcasting; NaN propagates. Equal inputs share the cotangent.", new InputSchema("data_0", Variadic: true)) { Types = TypeSets.NumericT })
{
    public static readonly MaxOp Instance = new();
}

internal sealed class MinOp() : ExtremumOp<MinFunction>(new("Min", "The smallest of the inputs under broadcasting; NaN propagates. Equal inputs share the cotangent.", new InputSchema("data_0", Variadic: true)) { Types = TypeSets.NumericT })
{
    public static readonly MinOp Instance = new();
}
