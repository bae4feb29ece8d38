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

    /// <summary>Σ |x| over axes, all when none are given; the derivative at 0 is 0.</summary>
    public Node L1Norm(long[]? axes = null, bool keepDims = false) => Reduce("ReduceL1", axes ?? [], keepDims);

    /// <summary>√Σ x² over axes, all when none are given; the derivative at 0 is 0.</summary>
    public Node L2Norm(long[]? axes = null, bool keepDims = false) => Reduce("ReduceL2", axes ?? [], keepDims);

    /// <summary>Σ x² over axes, all when none are given.</summary>
    public Node SumSquare(long[]? axes = null, bool keepDims = false) => Reduce("ReduceSumSquare", axes ?? [], keepDims);

    /// <summary>e^x / Σ e^x along an axis; a row of −∞ alone gives NaN.</summary>
    /// <param name="axis">Default the last.</param>
    public Node Softmax(long axis = -1) => Of("Softmax", Attributes.Of(("axis", axis)), this);

    /// <summary>x − ln Σ e^x along an axis.</summary>
    /// <param name="axis">Default the last.</param>
    public Node LogSoftmax(long axis = -1) => Of("LogSoftmax", Attributes.Of(("axis", axis)), this);

    /// <summary>(x − μ) / √(σ² + epsilon) · scale + shift with mean and variance over the dimensions from axis on.</summary>
    /// <param name="scale">Of the shape of the normalized dimensions, or one that broadcasts to it.</param>
    /// <param name="shift">Likewise; none is added when it is omitted.</param>
    /// <param name="axis">The first normalized dimension. Default the last.</param>
    /// <param name="epsilon">Default 1e-5.</param>
    public Node LayerNormalization(Node scale, Node? shift = null, long axis = -1, double epsilon = 1e-5)
    {
        var attributes = Attributes.Of(("axis", axis), ("epsilon", epsilon));
        return shift is null ? Of("LayerNormalization", attributes, this, scale) : Of("LayerNormalization", attributes, this, scale, shift);
    }

    /// <summary>x / √(mean x² + epsilon) · scale with the mean over the dimensions from axis on.</summary>
    /// <param name="scale">Of the shape of the normalized dimensions, or one that broadcasts to it.</param>
    /// <param name="axis">The first normalized dimension. Default the last.</param>
    /// <param name="epsilon">Default 1e-5.</param>
    public Node RMSNormalization(Node scale, long axis = -1, double epsilon = 1e-5) =>
        Of("RMSNormalization", Attributes.Of(("axis", axis), ("epsilon", epsilon)), this, scale);

    /// <summary>
    /// Each element dropped (exactly 0) with probability <paramref name="ratio"/>, or else divided by 1 − ratio. The mask is a function of
    /// seed, step and the element's index alone.
    /// </summary>
    /// <param name="ratio">In [0, 1).</param>
    /// <param name="seed">A number of its own for each place in a model; part of the graph.</param>
    /// <param name="step">An int64 scalar to feed, a new one for a new mask. Default 0.</param>
    public Node Dropout(double ratio, long seed, Node? step = null)
    {
        var attributes = Attributes.Of(("seed", seed));
        var training = Like(1).Cast<bool>();
        return step is null ? Of("Dropout", attributes, this, Like(ratio), training) : Of("Dropout", attributes, this, Like(ratio), training, step);
    }

    private Node Reduce(string op, long[] axes, bool keepDims) =>
        Of(op, axes.Length == 0 ? Attributes.Of(("keepdims", keepDims ? 1L : 0L)) : Attributes.Of(("axes", axes), ("keepdims", keepDims ? 1L : 0L)), this);
}
