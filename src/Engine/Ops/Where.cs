using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>z = x where c, else y; dx = g where c, else 0; dy = 0 where c, else g: selected, never multiplied.</summary>
internal sealed class WhereOp() : ElementwiseOp(new("Where", "z = x where the condition holds, else y, under broadcasting. The branch not taken gets the cotangent 0.", new("condition", "B", Differentiability.Blocked), new("X"), new InputSchema("Y"))
{
    Types = new Dictionary<string, DataType[]> { ["T"] = DataTypes.All, ["B"] = TypeSets.Bool },
})
{
    public static readonly WhereOp Instance = new();

    public override NodeType Infer(OpCall call) => new(call.Inputs[1].DataType, call.BroadcastShape());

    public override unsafe TileFunction Tile(Node node) => node.DataType.Size() switch
    {
        1 => new(&Select<byte>),
        4 => new(&Select<uint>),
        _ => new(&Select<ulong>),
    };

    public override void Derivative(DerivativeContext context)
    {
        var zero = context.Scalar(0);
        if (context.Needs(1))
            context.Set(1, context.Input(0).Where(context.Cotangent, zero));
        if (context.Needs(2))
            context.Set(2, context.Input(0).Where(zero, context.Cotangent));
    }

    private static unsafe void Select<T>(void** inputs, int inputCount, void* output, int count) where T : unmanaged =>
        Selection.Where(new ReadOnlySpan<byte>(inputs[0], count), new ReadOnlySpan<T>(inputs[1], count), new ReadOnlySpan<T>(inputs[2], count), new Span<T>(output, count));
}
