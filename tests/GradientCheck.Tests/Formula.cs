using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests;

/// <summary>A formula over float64 inputs, its value, gradients and gradients of gradients as plain numbers.</summary>
internal sealed class Formula
{
    private readonly ConstantData[] _values;

    public Formula(Func<Node[], Node> formula, params (long[] Shape, double[] Values)[] inputs)
    {
        Builder = new GraphBuilder();
        _values = [.. inputs.Select(i => Numbers.Data(new Shape(i.Shape), i.Values))];
        Inputs = [.. inputs.Select((i, slot) => Builder.Input(DataType.Float64, new Shape(i.Shape), slot))];
        Output = formula(Inputs);
    }

    public Formula(Func<Node[], Node> formula, params double[][] vectors)
        : this(formula, Array.ConvertAll(vectors, v => (new long[] { v.Length }, v)))
    {
    }

    public GraphBuilder Builder { get; }

    public Node[] Inputs { get; }

    public Node Output { get; }

    public double[] Value => Evaluate(Output);

    /// <summary>d(Σ output)/d(input); null when absent.</summary>
    public double[]? Gradient(int input) => GradientNode(Output, input) is { } g ? Evaluate(g) : null;

    /// <summary>d(Σ gradient of one input)/d(another); null when absent.</summary>
    public double[]? Second(int first, int second) =>
        GradientNode(Output, first) is { } g && GradientNode(g, second) is { } h ? Evaluate(h) : null;

    public double[] Evaluate(Node node) => Numbers.Doubles(Interpreter.Evaluate(node, _values));

    public static Node Apply(string op, params Node?[] inputs) => inputs[0]!.Builder.Add(OpCatalog.Find(op)!, inputs);

    public static Node Apply(string op, (string, object)[] attributes, params Node?[] inputs) =>
        inputs[0]!.Builder.Add(OpCatalog.Find(op)!, Attributes.Of(attributes), inputs);

    private Node? GradientNode(Node root, int input) => ReverseMode.Gradients([root.Sum()], [], [Inputs[input]])[0];
}
