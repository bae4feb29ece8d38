using Gradients.Engine.Graph;

namespace Gradients.Engine.Ops;

/// <summary>Y[m, n] = alpha · A'[m, k] · B'[k, n] + beta · C, with A' = Aᵀ when transA is 1, B' likewise, and C broadcast.</summary>
internal sealed class GemmOp() : ComposedOp(new("Gemm", "Y = alpha * A' * B' + beta * C for matrices; C broadcasts to the product.", new("A"), new("B"), new InputSchema("C", Optional: true))
{
    Attributes =
    [
        new("alpha", typeof(double), "Scales the product.", Default: 1.0),
        new("beta", typeof(double), "Scales C.", Default: 1.0),
        new("transA", typeof(long), "1: A is given transposed.", Default: 0L),
        new("transB", typeof(long), "1: B is given transposed.", Default: 0L),
    ],
})
{
    public static readonly GemmOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        Node a = call.Inputs[0], b = call.Inputs[1];
        if (a.Shape.Rank != 2 || b.Shape.Rank != 2)
            throw call.ShapeMismatch("A and B are matrices");
        a = call.Attributes.Int("transA", 0) != 0 ? a.SwapLast() : a;
        b = call.Attributes.Int("transB", 0) != 0 ? b.SwapLast() : b;
        if (a.Shape[1] != b.Shape[0])
            throw call.ShapeMismatch($"The inner dimensions of {a.Shape} and {b.Shape} differ");
        var y = Scaled(a.MatMul(b), call.Attributes.Float("alpha", 1));
        if (call.Optional(2) is not { } c)
            return y;
        if (!y.Shape.Equals(Tensors.Shape.TryBroadcast(y.Shape, c.Shape)))
            throw call.ShapeMismatch($"C does not broadcast to {y.Shape}");
        return y + Scaled(c, call.Attributes.Float("beta", 1));
    }

    private static Node Scaled(Node x, double factor) => factor == 1 ? x : x * factor;
}
