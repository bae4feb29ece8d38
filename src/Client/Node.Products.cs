using Gradients.Engine.Graph;

namespace Gradients.Client;

public partial class Node
{
    /// <summary>The matrix product as numpy.matmul: [.., m, k]·[.., k, n] = [.., m, n]; leading dimensions broadcast, a vector is a row on the left and a column on the right.</summary>
    public Node MatMul(Node other) => Of("MatMul", this, other);

    /// <summary>alpha·A'·B' + beta·C for matrices; this is A, and ' transposes where asked.</summary>
    /// <param name="b">The right factor.</param>
    /// <param name="c">Broadcasts to the product; left out it adds nothing.</param>
    /// <param name="alpha">Scales the product. Default 1.</param>
    /// <param name="beta">Scales C. Default 1.</param>
    /// <param name="transposeA">True: this is given transposed.</param>
    /// <param name="transposeB">True: <paramref name="b"/> is given transposed.</param>
    public Node Gemm(Node b, Node? c = null, double alpha = 1, double beta = 1, bool transposeA = false, bool transposeB = false)
    {
        var attributes = Attributes.Of(("alpha", alpha), ("beta", beta), ("transA", transposeA ? 1L : 0L), ("transB", transposeB ? 1L : 0L));
        return c is null ? Of("Gemm", attributes, this, b) : Of("Gemm", attributes, this, b, c);
    }

    /// <summary>(this − targets)², reduced; both have the same shape.</summary>
    /// <param name="targets">What is aimed at.</param>
    /// <param name="reduction">Default the mean over all elements.</param>
    public Node MeanSquaredError(Node targets, Reduction reduction = Reduction.Mean) =>
        Of("MeanSquaredError", Reduced(reduction), this, targets);

    /// <summary>−ln softmax(this)[class]; this holds logits [N, C, d…] (or [C]), classes are int64 [N, d…].</summary>
    /// <param name="classes">Class indices in [0, C), or <paramref name="ignoreIndex"/>.</param>
    /// <param name="weights">One weight a class, [C]; the mean divides by the sum of the weights used.</param>
    /// <param name="reduction">Default the mean over what is not ignored; NaN with gradient 0 when all is.</param>
    /// <param name="ignoreIndex">Positions of this class count nowhere. Default −100.</param>
    /// <param name="labelSmoothing">The part in [0, 1] of each target that is spread over all classes. Default 0.</param>
    public Node SoftmaxCrossEntropy(Node classes, Node? weights = null, Reduction reduction = Reduction.Mean, long ignoreIndex = -100, double labelSmoothing = 0)
    {
        var attributes = Attributes.Of(("reduction", Name(reduction)), ("ignore_index", ignoreIndex), ("label_smoothing", labelSmoothing));
        return weights is null ? Of("SoftmaxCrossEntropy", attributes, this, classes) : Of("SoftmaxCrossEntropy", attributes, this, classes, weights);
    }

    /// <summary>−w (p t ln s + (1 − t) ln(1 − s)) with s = sigmoid(this), without overflow.</summary>
    /// <param name="targets">t in [0, 1], of this shape.</param>
    /// <param name="weight">w, broadcasts; default 1.</param>
    /// <param name="positiveWeight">p, broadcasts; default 1.</param>
    /// <param name="reduction">Default the mean over all elements.</param>
    public Node BinaryCrossEntropyWithLogits(Node targets, Node? weight = null, Node? positiveWeight = null, Reduction reduction = Reduction.Mean) =>
        positiveWeight is not null ? Of("BinaryCrossEntropyWithLogits", Reduced(reduction), this, targets, weight, positiveWeight)
        : weight is not null ? Of("BinaryCrossEntropyWithLogits", Reduced(reduction), this, targets, weight)
        : Of("BinaryCrossEntropyWithLogits", Reduced(reduction), this, targets);

    private static Attributes Reduced(Reduction reduction) => Attributes.Of(("reduction", Name(reduction)));

    private static string Name(Reduction reduction) => reduction switch
    {
        Reduction.None => "none",
        Reduction.Sum => "sum",
        _ => "mean",
    };
}

/// <summary>How a loss becomes one number.</summary>
public enum Reduction
{
    /// <summary>The mean.</summary>
    Mean,

    /// <summary>The sum.</summary>
    Sum,

    /// <summary>Not at all: one loss a position.</summary>
    None,
}
