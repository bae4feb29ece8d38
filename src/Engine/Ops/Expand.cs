using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>x broadcast with a shape; a dimension of 1 in the shape keeps the input's.</summary>
internal sealed class ExpandOp() : ComposedOp(new("Expand", "Broadcasts the input with a shape; the result has the broadcast of both shapes.", new("input"), new InputSchema("shape", "I", Differentiability.Blocked)) { Types = TypeSets.WithIndices(DataTypes.All) })
{
    public static readonly ExpandOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var x = call.Inputs[0];
        var shape = new Shape(call.ConstantInts(1));
        var target = Shape.TryBroadcast(x.Shape, shape) ?? throw call.ShapeMismatch($"{x.Shape} and {shape} do not broadcast");
        return ExpandViewOp.Apply(x, target);
    }
}

/// <summary>y = x repeated to the shape; dx = g summed over what is repeated (by the transform).</summary>
internal sealed class ExpandViewOp() : ViewOp(new("ExpandView", "Broadcasts the input to the shape.", new InputSchema("input"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.AnyT,
    Attributes = [new("shape", typeof(long[]), "A shape to which the input's broadcasts.", Required: true)],
})
{
    public static readonly ExpandViewOp Instance = new();

    public static Node Apply(Node x, Shape shape) => x.Builder.Add(Instance, Attributes.Of(("shape", shape.Dimensions.ToArray())), x);

    public override NodeType Infer(OpCall call)
    {
        var shape = new Shape(call.Attributes.Ints("shape")!);
        return shape.Equals(Shape.TryBroadcast(call.Inputs[0].Shape, shape)) ? new(call.Inputs[0].DataType, shape) : throw call.ShapeMismatch($"The input does not broadcast to {shape}");
    }

    public override Layout View(Node node, Layout input) => input.BroadcastTo(node.Shape);

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent);
}
