using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = the input reduced over axes, which stay as size 1 when keepdims is 1.</summary>
internal abstract class ReduceOp(string name, string doc, DataType[] types) : ComposedOp(new(name, doc, new InputSchema("data"), new InputSchema("axes", "I", Differentiability.Blocked, Optional: true))
{
    Types = TypeSets.WithIndices(types),
    Attributes =
    [
        new("axes", typeof(long[]), "The axes, when the input axes is omitted; all when both are."),
        new("keepdims", typeof(long), "1: the reduced axes stay with size 1.", Default: 1L),
        new("noop_with_empty_axes", typeof(long), "1: without axes nothing is reduced.", Default: 0L),
    ],
})
{
    protected sealed override Node Compose(OpCall call)
    {
        var axes = call.Optional(1) is null ? call.Attributes.Ints("axes") ?? [] : call.ConstantInts(1);
        if (axes.Length == 0)
        {
            if (call.Attributes.Int("noop_with_empty_axes", 0) != 0)
                return call.Builder.Add(IdentityOp.Instance, call.Inputs[0]);
            axes = [.. Enumerable.Range(0, call.Inputs[0].Shape.Rank).Select(d => (long)d)];
        }

        return Reduce(call.Inputs[0], axes, call.Attributes.Int("keepdims", 1) != 0);
    }

    protected abstract Node Reduce(Node x, long[] axes, bool keepDims);
}

/// <summary>y = Σ x.</summary>
internal sealed class ReduceSumOp() : ReduceOp("ReduceSum", "The sum over axes; 0 over none.", DataTypes.Numeric)
{
    public static readonly ReduceSumOp Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => x.Sum(axes, keepDims);
}

/// <summary>y = Σ x / n.</summary>
internal sealed class ReduceMeanOp() : ReduceOp("ReduceMean", "The mean over axes; NaN over none.", DataTypes.Floating)
{
    public static readonly ReduceMeanOp Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => x.Mean(axes, keepDims);
}

/// <summary>y = max x.</summary>
internal sealed class ReduceMaxOp() : ReduceOp("ReduceMax", "The largest over axes; NaN propagates. Equal elements share the cotangent.", DataTypes.Numeric)
{
    public static readonly ReduceMaxOp Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => AxisForm.Apply(MaxAxisOp.Instance, x, axes, keepDims);
}

/// <summary>y = min x.</summary>
internal sealed class ReduceMinOp() : ReduceOp("ReduceMin", "The smallest over axes; NaN propagates. Equal elements share the cotangent.", DataTypes.Numeric)
{
    public static readonly ReduceMinOp Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => AxisForm.Apply(MinAxisOp.Instance, x, axes, keepDims);
}

/// <summary>y = ln Σ e^x.</summary>
internal sealed class ReduceLogSumExpOp() : ReduceOp("ReduceLogSumExp", "ln of the sum of e^x over axes, without overflow; -inf (with gradient 0) where all are -inf, +inf where one is, whose gradient the infinite elements share.", DataTypes.Floating)
{
    public static readonly ReduceLogSumExpOp Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => AxisForm.Apply(LogSumExpAxisOp.Instance, x, axes, keepDims);
}

/// <summary>y = Σ |x|.</summary>
internal sealed class ReduceL1Op() : ReduceOp("ReduceL1", "The sum of magnitudes over axes; the derivative at 0 is 0.", DataTypes.Floating)
{
    public static readonly ReduceL1Op Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => x.Abs().Sum(axes, keepDims);
}

/// <summary>y = √Σ x², whose derivative at 0 is 0: the root is not taken there.</summary>
internal sealed class ReduceL2Op() : ReduceOp("ReduceL2", "The Euclidean norm over axes; the derivative at 0 is 0.", DataTypes.Floating)
{
    public static readonly ReduceL2Op Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims)
    {
        var square = (x * x).Sum(axes, keepDims);
        var isZero = square.Equal(0);
        return isZero.Where(x.Number(0), isZero.Where(x.Number(1), square).Sqrt());
    }
}

/// <summary>y = Σ x².</summary>
internal sealed class ReduceSumSquareOp() : ReduceOp("ReduceSumSquare", "The sum of squares over axes.", DataTypes.Floating)
{
    public static readonly ReduceSumSquareOp Instance = new();

    protected override Node Reduce(Node x, long[] axes, bool keepDims) => (x * x).Sum(axes, keepDims);
}
