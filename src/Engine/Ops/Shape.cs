using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>The input's dimensions [start, end) as a constant: shapes are known when a graph is instantiated.</summary>
internal sealed class ShapeOp() : ComposedOp(new("Shape", "The dimensions [start, end) of the input as int64; bounds outside the rank are clamped, negative ones count from the end.", new InputSchema("data", Differentiability: Differentiability.Blocked))
{
    Types = TypeSets.AnyT,
    Attributes = [new("start", typeof(long), "The first dimension.", Default: 0L), new("end", typeof(long), "One behind the last dimension; all when omitted.")],
})
{
    public static readonly ShapeOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        var start = Clamp(call.Attributes.Int("start", 0), shape.Rank);
        var end = Clamp(call.Attributes.Int("end", shape.Rank), shape.Rank);
        return call.Builder.Ints(end > start ? shape.Dimensions[start..end] : []);
    }

    private static int Clamp(long position, int rank) => (int)Math.Clamp(position < 0 ? position + rank : position, 0, rank);
}
