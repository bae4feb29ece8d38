using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = min(max(x, min), max); a bound that is omitted does not bind.</summary>
internal sealed class ClipOp() : ComposedOp(new("Clip", "y = min(max(input, min), max) for 0-d bounds. The derivative at a bound is that inside, 1.", new("input"), new("min", Optional: true), new InputSchema("max", Optional: true)) { Types = TypeSets.NumericT })
{
    public static readonly ClipOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var x = call.Inputs[0];
        var isFloating = x.DataType.IsFloating();
        var low = Bound(call, 1) ?? call.Builder.Scalar(x.DataType, isFloating ? double.NegativeInfinity : long.MinValue);
        var high = Bound(call, 2) ?? call.Builder.Scalar(x.DataType, isFloating ? double.PositiveInfinity : long.MaxValue);
        return call.Builder.Add(ClampOp.Instance, x, low, high);
    }

    private static Node? Bound(OpCall call, int position) =>
        call.Optional(position) is { Shape.Rank: not 0 } ? throw call.ShapeMismatch("The bounds are scalars") : call.Optional(position);
}

/// <summary>
/// y = min(max(x, l), h) under broadcasting; dx = g where y = x, bounds included; dl = g where x &lt; l &lt; h;
/// dh = g where x &gt; h or l &gt; h; else 0.
/// </summary>
internal sealed class ClampOp() : ElementwiseOp(new("Clamp", "y = min(max(x, low), high).", new("x"), new("low"), new InputSchema("high")) { Domain = "gradients", SinceVersion = 1, Types = TypeSets.NumericT })
{
    public static readonly ClampOp Instance = new();

    public override unsafe TileFunction Tile(Node node) => node.DataType switch
    {
        DataType.Float32 => new(&Map<float>),
        DataType.Float64 => new(&Map<double>),
        DataType.Int64 => new(&Map<long>),
        _ => throw Tiles.NoLoop(node.DataType),
    };

    public override void Derivative(DerivativeContext context)
    {
        var (x, low, high) = (context.Input(0), context.Input(1), context.Input(2));
        var (g, zero) = (context.Cotangent, context.Scalar(0));
        if (context.Needs(0))
            context.Set(0, context.Output.Equal(x).Where(g, zero));
        if (context.Needs(1))
            context.Set(1, low.Less(high).Where(x.Less(low).Where(g, zero), zero));
        if (context.Needs(2))
            context.Set(2, high.Less(low).Where(g, high.Less(x).Where(g, zero)));
    }

    private static unsafe void Map<T>(void** inputs, int inputCount, void* output, int count) where T : unmanaged, INumber<T>
    {
        var buffer = stackalloc T[Tiles.Chunk];
        for (var start = 0; start < count; start += Tiles.Chunk)
        {
            var length = Math.Min(Tiles.Chunk, count - start);
            var raised = new Span<T>(buffer, length);
            Elementwise.Max(new((T*)inputs[0] + start, length), new((T*)inputs[1] + start, length), raised);
            Elementwise.Min(raised, new((T*)inputs[2] + start, length), new Span<T>((T*)output + start, length));
        }
    }
}
