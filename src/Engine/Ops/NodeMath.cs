using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// Writes formulas as nodes: each member adds the op of its name to the node's builder. Numbers become scalars of the
/// node's element type. Members that would change nothing (same shape or type) return the node itself.
/// </summary>
public static class NodeMath
{
    extension(Node x)
    {
        public static Node operator +(Node a, Node b) => a.Builder.Add(AddOp.Instance, a, b);

        public static Node operator +(Node a, double b) => a + a.Number(b);

        public static Node operator +(double a, Node b) => b.Number(a) + b;

        public static Node operator -(Node a, Node b) => a.Builder.Add(SubOp.Instance, a, b);

        public static Node operator -(Node a, double b) => a - a.Number(b);

        public static Node operator -(double a, Node b) => b.Number(a) - b;

        public static Node operator *(Node a, Node b) => a.Builder.Add(MulOp.Instance, a, b);

        public static Node operator *(Node a, double b) => a * a.Number(b);

        public static Node operator *(double a, Node b) => b.Number(a) * b;

        public static Node operator /(Node a, Node b) => a.Builder.Add(DivOp.Instance, a, b);

        public static Node operator /(Node a, double b) => a / a.Number(b);

        public static Node operator /(double a, Node b) => b.Number(a) / b;

        public static Node operator -(Node a) => a.Builder.Add(NegOp.Instance, a);

        /// <summary>A scalar of this node's element type.</summary>
        public Node Number(double value) => x.Builder.Scalar(x.DataType, value);

        public Node Exp() => x.Builder.Add(ExpOp.Instance, x);

        public Node Log() => x.Builder.Add(LogOp.Instance, x);

        public Node Sqrt() => x.Builder.Add(SqrtOp.Instance, x);

        public Node Abs() => x.Builder.Add(AbsOp.Instance, x);

        public Node Sign() => x.Builder.Add(SignOp.Instance, x);

        public Node Relu() => x.Builder.Add(ReluOp.Instance, x);

        public Node Sigmoid() => x.Builder.Add(SigmoidOp.Instance, x);

        public Node Tanh() => x.Builder.Add(TanhOp.Instance, x);

        public Node Softplus() => x.Builder.Add(SoftplusOp.Instance, x);

        public Node Erf() => x.Builder.Add(ErfOp.Instance, x);

        public Node Pow(Node exponent) => x.Builder.Add(PowOp.Instance, x, exponent);

        public Node Pow(double exponent) => x.Pow(x.Number(exponent));

        public Node Max(Node other) => x.Builder.Add(MaxOp.Instance, x, other);

        public Node Min(Node other) => x.Builder.Add(MinOp.Instance, x, other);

        /// <summary>x = other, as bool.</summary>
        public Node Equal(Node other) => x.Builder.Add(EqualOp.Instance, x, other);

        public Node Equal(double other) => x.Equal(x.Number(other));

        /// <summary>x &lt; other, as bool.</summary>
        public Node Less(Node other) => x.Builder.Add(LessOp.Instance, x, other);

        public Node Less(double other) => x.Less(x.Number(other));

        /// <summary>x &gt; other, as bool.</summary>
        public Node Greater(Node other) => x.Builder.Add(GreaterOp.Instance, x, other);

        public Node Greater(double other) => x.Greater(x.Number(other));

        /// <summary>Where this bool node holds the one, else the other.</summary>
        public Node Where(Node whenTrue, Node whenFalse) => x.Builder.Add(WhereOp.Instance, x, whenTrue, whenFalse);

        public Node Cast(DataType type) => type == x.DataType ? x : x.Builder.Add(CastOp.Instance, Attributes.Of(("to", type)), x);

        public Node StopGradient() => x.Builder.Add(StopGradientOp.Instance, x);

        /// <summary>The sum over all elements, 0-d.</summary>
        public Node Sum() => x.Sum([.. Enumerable.Range(0, x.Shape.Rank).Select(d => (long)d)]);

        /// <summary>The sum over axes, which may count from the end.</summary>
        public Node Sum(ReadOnlySpan<long> axes, bool keepDims = false) => AxisForm.Apply(SumAxisOp.Instance, x, axes, keepDims);

        /// <summary>The mean over all elements, 0-d.</summary>
        public Node Mean() => x.Mean([.. Enumerable.Range(0, x.Shape.Rank).Select(d => (long)d)]);

        /// <summary>The mean over axes, which may count from the end.</summary>
        public Node Mean(ReadOnlySpan<long> axes, bool keepDims = false)
        {
            var sum = x.Sum(axes, keepDims);
            double count = 1;
            for (var d = 0; d < x.Shape.Rank; d++)
            {
                if (axes.Contains(d) || axes.Contains(d - x.Shape.Rank))
                    count *= x.Shape[d];
            }

            return sum / count;
        }

        /// <summary>Undoes a broadcast: sums leading dimensions and those that are 1 in the shape.</summary>
        public Node SumTo(Shape shape)
        {
            if (x.Shape.Equals(shape))
                return x;
            var lead = x.Shape.Rank - shape.Rank;
            var axes = new List<long>();
            for (var d = 0; d < x.Shape.Rank; d++)
            {
                if (d < lead || (shape[d - lead] == 1 && x.Shape[d] != 1))
                    axes.Add(d);
            }

            return x.Sum([.. axes], keepDims: true).Reshape(shape);
        }

        public Node BroadcastTo(Shape shape) => x.Shape.Equals(shape) ? x : ExpandViewOp.Apply(x, shape);

        public Node Reshape(Shape shape) => x.Shape.Equals(shape) ? x : ReshapeViewOp.Apply(x, shape);

        /// <summary>All but the last dimension as one: [rows, columns].</summary>
        public Node Rows()
        {
            long rows = 1;
            for (var d = 0; d < x.Shape.Rank - 1; d++)
                rows *= x.Shape[d];
            return x.Reshape(new Shape(rows, x.Shape[-1]));
        }

        public Node Transpose(params long[] perm) => x.Builder.Add(TransposeOp.Instance, Attributes.Of(("perm", perm)), x);

        /// <summary>Exchanges the last two dimensions.</summary>
        public Node SwapLast()
        {
            var perm = Enumerable.Range(0, x.Shape.Rank).Select(d => (long)d).ToArray();
            (perm[^1], perm[^2]) = (perm[^2], perm[^1]);
            return x.Transpose(perm);
        }

        public Node MatMul(Node other) => x.Builder.Add(MatMulOp.Instance, x, other);
    }
}
