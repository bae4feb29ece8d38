namespace Gradients.Client;

public partial class Node
{
    public static Node operator +(Node a, Node b) => Of("Add", a, b);

    public static Node operator +(Node a, double b) => Of("Add", a, a.Like(b));

    public static Node operator +(double a, Node b) => Of("Add", b.Like(a), b);

    public static Node operator -(Node a, Node b) => Of("Sub", a, b);

    public static Node operator -(Node a, double b) => Of("Sub", a, a.Like(b));

    public static Node operator -(double a, Node b) => Of("Sub", b.Like(a), b);

    public static Node operator *(Node a, Node b) => Of("Mul", a, b);

    public static Node operator *(Node a, double b) => Of("Mul", a, a.Like(b));

    public static Node operator *(double a, Node b) => Of("Mul", b.Like(a), b);

    public static Node operator /(Node a, Node b) => Of("Div", a, b);

    public static Node operator /(Node a, double b) => Of("Div", a, a.Like(b));

    public static Node operator /(double a, Node b) => Of("Div", b.Like(a), b);

    public static Node operator -(Node x) => Of("Neg", x);

    /// <summary>this ^ exponent, as IEEE 754 pow: x^0 = 1. At x = 0 the derivative of x^0 by x is 0.</summary>
    public Node Pow(Node exponent) => Of("Pow", this, exponent);

    /// <summary>this ^ exponent, as IEEE 754 pow: x^0 = 1.</summary>
    public Node Pow(double exponent) => Of("Pow", this, Like(exponent));

    /// <summary>(this == other) as bool; NaN equals nothing. Contributes no derivative.</summary>
    public Node EqualTo(Node other) => Of("Equal", this, other);

    /// <summary>(this == other) as bool; NaN equals nothing. Contributes no derivative.</summary>
    public Node EqualTo(double other) => Of("Equal", this, Like(other));

    /// <summary>(this &lt; other) as bool; false for NaN. Contributes no derivative.</summary>
    public Node Less(Node other) => Of("Less", this, other);

    /// <summary>(this &lt; other) as bool; false for NaN. Contributes no derivative.</summary>
    public Node Less(double other) => Of("Less", this, Like(other));

    /// <summary>(this > other) as bool; false for NaN. Contributes no derivative.</summary>
    public Node Greater(Node other) => Of("Greater", this, other);

    /// <summary>(this > other) as bool; false for NaN. Contributes no derivative.</summary>
    public Node Greater(double other) => Of("Greater", this, Like(other));

    private Node Like(double value) => Context.ScalarLike(this, value);
}
