using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>The elements of x in row-major order under another shape of the same count.</summary>
internal sealed class ReshapeOp() : ComposedOp(new("Reshape", "The elements in row-major order under another shape: 0 copies the input's dimension (unless allowzero), one -1 is inferred.", new("data"), new InputSchema("shape", "I", Differentiability.Blocked))
{
    Types = TypeSets.WithIndices(DataTypes.All),
    Attributes = [new("allowzero", typeof(long), "1: a 0 in the shape is a dimension of size 0.", Default: 0L)],
})
{
    public static readonly ReshapeOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var input = call.Inputs[0].Shape;
        var shape = call.ConstantInts(1);
        var inferred = -1;
        Int128 known = 1;
        for (var i = 0; i < shape.Length; i++)
        {
            if (shape[i] == 0 && call.Attributes.Int("allowzero", 0) == 0)
                shape[i] = i < input.Rank ? input[i] : throw Mismatch(call, "0 copies a dimension that the input does not have");
            if (shape[i] == -1 && inferred < 0)
                inferred = i;
            else if (shape[i] < 0)
                throw Mismatch(call, shape[i] == -1 ? "only one dimension can be inferred" : "a dimension is negative");
            else
                known = Math.Min((long)(known * shape[i]), Shape.MaxElements + 1);
        }

        if (inferred >= 0)
        {
            if (known == 0 || input.ElementCount % known != 0)
                throw Mismatch(call, "the dimension -1 cannot be inferred");
            shape[inferred] = (long)(input.ElementCount / known);
        }

        var target = new Shape(shape);
        return target.ElementCount == input.ElementCount
            ? ReshapeViewOp.Apply(call.Inputs[0], target)
            : throw Mismatch(call, $"{input.ElementCount} elements do not fill {target}");
    }

    private static GradientsException Mismatch(OpCall call, string message) =>
        call.ShapeMismatch($"{call.Inputs[0].Shape} cannot take the shape {Shape.Format(call.ConstantInts(1))}: {message}");
}

/// <summary>x with the dimensions of size 1 at <c>axes</c>, or all of them, removed.</summary>
internal sealed class SqueezeOp() : ComposedOp(new("Squeeze", "Removes the dimensions at axes, which have size 1; all dimensions of size 1 when axes is omitted.", new("data"), new InputSchema("axes", "I", Differentiability.Blocked, Optional: true)) { Types = TypeSets.WithIndices(DataTypes.All) })
{
    public static readonly SqueezeOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        var removed = new bool[shape.Rank];
        if (call.Optional(1) is null)
        {
            for (var i = 0; i < removed.Length; i++)
                removed[i] = shape[i] == 1;
        }
        else
        {
            foreach (var axis in call.ConstantInts(1))
                removed[shape.Axis(axis)] = shape[shape.Axis(axis)] == 1 ? true : throw call.ShapeMismatch($"Dimension {axis} of {shape} is not 1");
        }

        return ReshapeViewOp.Apply(call.Inputs[0], new Shape([.. shape.Dimensions.ToArray().Where((_, i) => !removed[i])]));
    }
}

/// <summary>x with dimensions of size 1 inserted at <c>axes</c> of the output.</summary>
internal sealed class UnsqueezeOp() : ComposedOp(new("Unsqueeze", "Inserts dimensions of size 1 at axes, which count in the output.", new("data"), new InputSchema("axes", "I", Differentiability.Blocked)) { Types = TypeSets.WithIndices(DataTypes.All) })
{
    public static readonly UnsqueezeOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var axes = call.ConstantInts(1);
        var shape = new long[call.Inputs[0].Shape.Rank + axes.Length];
        foreach (var axis in axes)
        {
            var position = axis < 0 ? axis + shape.Length : axis;
            if (position < 0 || position >= shape.Length || shape[position] == 1)
                throw call.InvalidAttribute($"axis {axis} is outside [-{shape.Length}, {shape.Length}) or given twice");
            shape[position] = 1;
        }

        var next = 0;
        for (var i = 0; i < shape.Length; i++)
            shape[i] = shape[i] == 1 ? 1 : call.Inputs[0].Shape[next++];
        return ReshapeViewOp.Apply(call.Inputs[0], new Shape(shape));
    }
}

/// <summary>y[shape] = x; dx = g under x's shape.</summary>
internal sealed class ReshapeViewOp() : ViewOp(new("ReshapeView", "The elements in row-major order under the shape.", new InputSchema("data"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.AnyT,
    Attributes = [new("shape", typeof(long[]), "As many elements as the input has.", Required: true)],
})
{
    public static readonly ReshapeViewOp Instance = new();

    public static Node Apply(Node x, Shape shape) => x.Builder.Add(Instance, Attributes.Of(("shape", shape.Dimensions.ToArray())), x);

    public override NodeType Infer(OpCall call)
    {
        var shape = new Shape(call.Attributes.Ints("shape")!);
        return shape.ElementCount == call.Inputs[0].Shape.ElementCount ? new(call.Inputs[0].DataType, shape) : throw call.ShapeMismatch($"The elements do not fill {shape}");
    }

    public override void Derivative(DerivativeContext context) => context.Set(0, context.Cotangent.Reshape(context.Input(0).Shape));

    /// <summary>Matches groups of old and new dimensions of equal product; a group must step evenly.</summary>
    public override Layout? View(Node node, Layout input)
    {
        var target = node.Shape;
        if (input.IsContiguous || target.ElementCount == 0)
            return Layout.RowMajor(target, input.Offset);
        var old = Enumerable.Range(0, input.Shape.Rank).Where(d => input.Shape[d] != 1).Select(d => (Size: input.Shape[d], Stride: input.Strides[d])).ToArray();
        var strides = new long[target.Rank];
        int from = 0, to = 0;
        while (from < old.Length)
        {
            var oldProduct = old[from].Size;
            var firstOld = from++;
            var firstNew = to;
            var newProduct = target[to++];
            while (oldProduct != newProduct)
            {
                if (newProduct < oldProduct)
                    newProduct *= target[to++];
                else
                    oldProduct *= old[from++].Size;
            }

            for (var i = firstOld; i < from - 1; i++)
            {
                if (old[i].Stride != old[i + 1].Size * old[i + 1].Stride)
                    return null;
            }

            var stride = old[from - 1].Stride;
            for (var i = to - 1; i >= firstNew; i--)
            {
                strides[i] = stride;
                stride *= target[i];
            }
        }

        return new Layout(target, strides, input.Offset);
    }
}
