using Gradients.Engine.Graph;

namespace Gradients.Client;

public partial class Node
{
    /// <summary>The sum over all elements, a scalar.</summary>
    public Node Sum() => Reduce("ReduceSum", [], false);

    /// <summary>The sum over axes.</summary>
    /// <param name="axes">Negative ones count from the last; none means all.</param>
    /// <param name="keepDims">True: reduced axes stay with length 1. Default false.</param>
    public Node Sum(long[] axes, bool keepDims = false) => Reduce("ReduceSum", axes, keepDims);

    /// <summary>The sum over one axis.</summary>
    public Node Sum(long axis, bool keepDims = false) => Reduce("ReduceSum", [axis], keepDims);

    /// <summary>The mean over all elements, a scalar; NaN over none.</summary>
    public Node Mean() => Reduce("ReduceMean", [], false);

    /// <summary>The mean over axes.</summary>
    /// <param name="axes">Negative ones count from the last; none means all.</param>
    /// <param name="keepDims">True: reduced axes stay with length 1. Default false.</param>
    public Node Mean(long[] axes, bool keepDims = false) => Reduce("ReduceMean", axes, keepDims);

    /// <summary>The mean over one axis.</summary>
    public Node Mean(long axis, bool keepDims = false) => Reduce("ReduceMean", [axis], keepDims);

    /// <summary>The largest element over axes; NaN propagates. Ties share the cotangent.</summary>
    /// <param name="axes">Negative ones count from the last; null or none means all.</param>
    /// <param name="keepDims">True: reduced axes stay with length 1. Default false.</param>
    public Node ReduceMax(long[]? axes = null, bool keepDims = false) => Reduce("ReduceMax", axes ?? [], keepDims);

    /// <summary>The smallest element over axes; NaN propagates. Ties share the cotangent.</summary>
    /// <param name="axes">Negative ones count from the last; null or none means all.</param>
    /// <param name="keepDims">True: reduced axes stay with length 1. Default false.</param>
    public Node ReduceMin(long[]? axes = null, bool keepDims = false) => Reduce("ReduceMin", axes ?? [], keepDims);

    /// <summary>ln Σ e^x over axes, without overflow; −∞ where all are −∞, with gradient 0.</summary>
    /// <param name="axes">Negative ones count from the last; null or none means all.</param>
    /// <param name="keepDims">True: reduced axes stay with length 1. Default false.</param>
    public Node LogSumExp(long[]? axes = null, bool keepDims = false) => Reduce("ReduceLogSumExp", axes ?? [], keepDims);

    /// <summary>e^x / Σ e^x along an axis; a row of −∞ alone gives NaN.</summary>
    /// <param name="axis">Default the last.</param>
    public Node Softmax(long axis = -1) => Of("Softmax", Attributes.Of(("axis", axis)), this);

    /// <summary>x − ln Σ e^x along an axis.</summary>
    /// <param name="axis">Default the last.</param>
    public Node LogSoftmax(long axis = -1) => Of("LogSoftmax", Attributes.Of(("axis", axis)), this);

    private Node Reduce(string op, long[] axes, bool keepDims) =>
        Of(op, axes.Length == 0 ? Attributes.Of(("keepdims", keepDims ? 1L : 0L)) : Attributes.Of(("axes", axes), ("keepdims", keepDims ? 1L : 0L)), this);
}
