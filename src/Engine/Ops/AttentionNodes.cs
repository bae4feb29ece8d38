using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>Attention as nodes: the parts of its flat outputs, and its formula over the whole matrix of scores.</summary>
internal static class AttentionNodes
{
    public static readonly Dictionary<string, DataType[]> Types = new() { ["T"] = DataTypes.Floating, ["U"] = [DataType.Bool, .. DataTypes.Floating] };

    public static Node[] With(Node? mask, params Node[] inputs) => mask is null ? inputs : [.. inputs, mask];

    /// <summary>The elements of a flat node from a start, as a shape; a view.</summary>
    public static Node Part(Node flat, long start, Shape shape) =>
        SliceViewOp.Apply(flat, [start], [1], [shape.ElementCount]).Reshape(shape);

    /// <summary>
    /// The cotangent of <see cref="Part"/>(flat, 0, shape), given that of the flat node. When it was made by that view's rule it is
    /// found again, so that it is not copied into zeros and out of them.
    /// </summary>
    public static Node CotangentOfY(Node flat, Shape shape)
    {
        if (flat.Op is not SliceAdjointOp || flat.Inputs[0].Shape.ElementCount != shape.ElementCount || flat.Attributes.Ints("starts")![0] != 0)
            return Part(flat, 0, shape);
        var y = flat.Inputs[0];
        return y.Op is ReshapeViewOp && y.Inputs[0].Shape.Equals(shape) ? y.Inputs[0] : y.Reshape(shape);
    }

    /// <summary>softmax(scale · q kᵀ + mask): 0 in rows that see no key.</summary>
    public static Node Probabilities(Node q, Node k, Node? mask, Attributes attributes)
    {
        var hidden = q.Number(double.NegativeInfinity);
        var scores = attributes.Float("scale", 1) * q.MatMul(k.SwapLast());
        if (mask is { DataType: DataType.Bool })
            scores = mask.Where(scores, hidden);
        else if (mask is not null)
            scores += mask;
        if (attributes.Int("is_causal", 0) != 0)
            scores = Positions(q).Reshape(new Shape(q.Shape[2], 1)).Less(Positions(k)).Where(hidden, scores);
        var isBlind = AxisForm.Apply(MaxAxisOp.Instance, scores, [-1], keepDims: true).StopGradient().Equal(double.NegativeInfinity);
        var p = q.Builder.Add(SoftmaxAlongOp.Instance, isBlind.Where(q.Number(0), scores));
        return isBlind.Where(q.Number(0), p);
    }

    /// <summary>p ∘ (g − Σ p ∘ g): what flows through a softmax.</summary>
    public static Node SoftmaxAdjoint(Node p, Node g) => p * (g - (p * g).Sum([-1], keepDims: true));

    /// <summary>0, 1, … along the rows of a node.</summary>
    private static Node Positions(Node x) => x.Builder.Ints([.. Enumerable.Range(0, (int)x.Shape[2]).Select(i => (long)i)]);
}
