using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Client;

public partial class Node
{
    /// <summary>e^x.</summary>
    public Node Exp() => Of("Exp", this);

    /// <summary>ln x; −∞ at 0, NaN below.</summary>
    public Node Log() => Of("Log", this);

    /// <summary>1 / x; infinite at 0, where the derivative is −∞.</summary>
    public Node Reciprocal() => Of("Reciprocal", this);

    /// <summary>√x; NaN below 0. The derivative at 0 is infinite.</summary>
    public Node Sqrt() => Of("Sqrt", this);

    /// <summary>|x|; the derivative at 0 is 0.</summary>
    public Node Abs() => Of("Abs", this);

    /// <summary>−1, 0 or 1; NaN for NaN. Contributes no derivative.</summary>
    public Node Sign() => Of("Sign", this);

    /// <summary>The error function.</summary>
    public Node Erf() => Of("Erf", this);

    /// <summary>max(x, 0); the derivative at 0 is 0.</summary>
    public Node Relu() => Of("Relu", this);

    /// <summary>1 / (1 + e^−x).</summary>
    public Node Sigmoid() => Of("Sigmoid", this);

    /// <summary>tanh x.</summary>
    public Node Tanh() => Of("Tanh", this);

    /// <summary>ln(1 + e^x), without overflow.</summary>
    public Node Softplus() => Of("Softplus", this);

    /// <summary>x·Φ(x) with the normal distribution function Φ.</summary>
    /// <param name="tanhApproximation">The approximation by tanh instead. Default false.</param>
    public Node Gelu(bool tanhApproximation = false) => Of("Gelu", tanhApproximation ? Attributes.Of(("approximate", "tanh")) : Attributes.None, this);

    /// <summary>The larger of both under broadcasting; NaN propagates. Equal ones share the cotangent.</summary>
    public Node Max(Node other) => Of("Max", this, other);

    /// <summary>The larger of both; NaN propagates. Equal ones share the cotangent.</summary>
    public Node Max(double other) => Of("Max", this, Like(other));

    /// <summary>The smaller of both under broadcasting; NaN propagates. Equal ones share the cotangent.</summary>
    public Node Min(Node other) => Of("Min", this, other);

    /// <summary>The smaller of both; NaN propagates. Equal ones share the cotangent.</summary>
    public Node Min(double other) => Of("Min", this, Like(other));

    /// <summary>min(max(x, min), max); an open side is left out. The derivative at a bound is 1.</summary>
    public Node Clip(double? min = null, double? max = null) =>
        max is null ? Of("Clip", this, min is null ? null : Like(min.Value)) : Of("Clip", this, min is null ? null : Like(min.Value), Like(max.Value));

    /// <summary>Where this bool node holds <paramref name="x"/>, else <paramref name="y"/>. The branch not taken gets the cotangent 0.</summary>
    public Node Where(Node x, Node y) => Of("Where", this, x, y);

    /// <summary>Where this bool node holds <paramref name="x"/>, else the number.</summary>
    public Node Where(Node x, double y) => Of("Where", this, x, x.Like(y));

    /// <summary>Where this bool node holds the number, else <paramref name="y"/>.</summary>
    public Node Where(double x, Node y) => Of("Where", this, y.Like(x), y);

    /// <summary>Converted: to floats rounded to nearest, to int64 toward zero, to bool by x ≠ 0. A cotangent flows between floats only.</summary>
    public Node Cast(DataType to) => Of("Cast", Attributes.Of(("to", to)), this);

    /// <summary>Converted to the element type <typeparamref name="T"/>.</summary>
    public Node Cast<T>() where T : unmanaged => Cast(DataTypes.Of<T>());

    /// <summary>The same value.</summary>
    public Node Identity() => Of("Identity", this);

    /// <summary>The same value, through which no derivative flows.</summary>
    public Node StopGradient() => Of("StopGradient", this);

    private static Node Of(string op, params ReadOnlySpan<Node?> inputs) => Of(op, Attributes.None, inputs);

    private static Node Of(string op, Attributes attributes, params ReadOnlySpan<Node?> inputs)
    {
        foreach (var input in inputs)
        {
            if (input is not null)
                return input.Context.Apply(op, attributes, inputs);
        }

        throw new ArgumentNullException(nameof(inputs));
    }
}
