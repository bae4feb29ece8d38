using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = x̂ · scale + B with x̂ of mean 0 and variance 1, or of mean square 1, over the dimensions from axis on.</summary>
internal abstract class NormalizationOp(OpSchema schema, bool centred) : Op(schema)
{
    protected static readonly AttributeSchema[] Parameters =
    [
        new("axis", typeof(long), "The first of the normalized dimensions; negative counts from the end.", Default: -1L),
        new("epsilon", typeof(double), "Added to the variance or mean square.", Default: 1e-5),
        new("stash_type", typeof(long), "1. Statistics are accumulated in float64 for every element type.", Default: 1L),
    ];

    public sealed override OpKind Kind => OpKind.Composed;

    /// <summary>The normalized dimensions as columns, all before them as rows.</summary>
    public sealed override Outputs Build(OpCall call)
    {
        if (call.Attributes.Int("stash_type", 1) != 1)
            throw call.InvalidAttribute($"stash_type is {call.Attributes.Int("stash_type", 1)}; allowed is 1");
        var x = call.Inputs[0];
        var axis = x.Shape.Axis(call.Attributes.Int("axis", -1));
        var (lead, normalized) = (new Shape([.. x.Shape.Dimensions[..axis]]), new Shape([.. x.Shape.Dimensions[axis..]]));
        var rows = x.Reshape(new Shape(lead.ElementCount, normalized.ElementCount));
        Node[] operands = [rows, .. Enumerable.Range(1, call.InputCount - 1).Select(call.Optional).OfType<Node>().Select(o => Columns(call, o, normalized))];
        var attributes = NormalizedRowsOp.Parameters(call.Attributes.Float("epsilon", 1e-5), centred);
        var y = call.Builder.Add(NormalizedRowsOp.Instance, attributes, operands).Reshape(x.Shape);
        var (mean, inverse) = NormalizedRowsOp.Statistics(rows, call.Attributes.Float("epsilon", 1e-5), centred);
        var kept = new Shape([.. lead.Dimensions, .. normalized.Dimensions.ToArray().Select(_ => 1L)]);
        return mean is null ? y : (Node[])[y, mean.Reshape(kept), inverse.Reshape(kept)];
    }

    private static Node Columns(OpCall call, Node operand, Shape normalized)
    {
        if (!normalized.Equals(Shape.TryBroadcast(operand.Shape, normalized)))
            throw call.ShapeMismatch($"{operand.Shape} does not broadcast to the normalized dimensions {normalized}");
        return operand.BroadcastTo(normalized).Reshape(new Shape(normalized.ElementCount));
    }
}

/// <summary>y = (x − μ) / √(σ² + ε) · scale + B.</summary>
internal sealed class LayerNormalizationOp() : NormalizationOp(new("LayerNormalization", "x brought to mean 0 and variance 1 over the dimensions from axis on, then scaled and shifted. Further outputs: the means and the reciprocal deviations, with those dimensions as 1.", new("X"), new("Scale"), new InputSchema("B", Optional: true)) { Attributes = Parameters }, centred: true)
{
    public static readonly LayerNormalizationOp Instance = new();
}

/// <summary>y = x / √(mean x² + ε) · scale.</summary>
internal sealed class RMSNormalizationOp() : NormalizationOp(new("RMSNormalization", "x brought to mean square 1 over the dimensions from axis on, then scaled.", new("X"), new InputSchema("scale")) { SinceVersion = 23, Attributes = Parameters }, centred: false)
{
    public static readonly RMSNormalizationOp Instance = new();
}

/// <summary>
/// y = x̂ · s + b for x[rows, columns], s[columns], b[columns] where given, x̂ = (x − μ) r, r = 1/√(mean (x − μ)² + ε), μ the
/// row's mean or 0; ds = Σ g · x̂, db = Σ g.
/// </summary>
internal sealed class NormalizedRowsOp() : KernelOp(new("NormalizedRows", "Rows brought to mean 0 (where centred) and mean square 1, scaled and shifted.", new("x"), new("s", Optional: true), new InputSchema("b", Optional: true))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = [new("epsilon", typeof(double), "Added to the mean square.", Required: true), new("centred", typeof(long), "1: the mean is subtracted.", Required: true)],
})
{
    public static readonly NormalizedRowsOp Instance = new();

    public override OpKind Kind => OpKind.Reduction;

    public static Attributes Parameters(double epsilon, bool centred) => Attributes.Of(("epsilon", epsilon), ("centred", centred ? 1 : 0));

    /// <summary>μ (null where it is 0) and r of each row, [rows, 1].</summary>
    public static (Node? Mean, Node Inverse) Statistics(Node x, double epsilon, bool centred)
    {
        var mean = centred ? x.Mean([1], keepDims: true) : null;
        var difference = mean is null ? x : x - mean;
        return (mean, 1 / ((difference * difference).Mean([1], keepDims: true) + epsilon).Sqrt());
    }

    public override NodeType Infer(OpCall call)
    {
        var x = call.Inputs[0];
        if (x.Shape.Rank != 2 || call.Inputs.Skip(1).Any(i => !i.Shape.Equals(new Shape(x.Shape[1]))))
            throw call.ShapeMismatch("The inputs are [rows, columns], [columns] and [columns]");
        return x.Type;
    }

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.Attributes.Int("centred", 1) != 0 ? Create<Centred>(node) : Create<Uncentred>(node);

    public override void Derivative(DerivativeContext context)
    {
        var (x, g) = (context.Input(0), context.Cotangent);
        if (context.Needs(0))
            context.Set(0, context.InputCount > 1 ? context.Builder.Add(NormalizedRowsGradientOp.Instance, context.Attributes, x, g, context.Input(1)) : context.Builder.Add(NormalizedRowsGradientOp.Instance, context.Attributes, x, g));
        if (context.InputCount > 1 && context.Needs(1))
            context.Set(1, g * context.Builder.Add(Instance, context.Attributes, x));
        if (context.InputCount > 2 && context.Needs(2))
            context.Set(2, g);
    }

    private static Kernel Create<TCentering>(Node node) where TCentering : struct, ICentering
    {
        var epsilon = node.Attributes.Float("epsilon", 0);
        return node.Inputs.Length switch
        {
            1 => RowKernels.Create<NormalizationFunction<TCentering, OneOperand>>(node, node.Shape, 7, epsilon),
            2 => RowKernels.Create<NormalizationFunction<TCentering, TwoOperands>>(node, node.Shape, 8, epsilon),
            _ => RowKernels.Create<NormalizationFunction<TCentering, ThreeOperands>>(node, node.Shape, 9, epsilon),
        };
    }
}

/// <summary>
/// z = r (ĝ − mean ĝ − x̂ · mean(ĝ x̂)) with ĝ = g · s (g where there is no s), without the mean of ĝ where μ is 0.
/// It is linear and symmetric in ĝ: for the cotangent h and H = the same of (x, h), dĝ = H. With the rows' sums u = Σ ĝ x̂, v = Σ h x̂
/// and a = Σ h ĝ − Σ h · Σ ĝ / n, ⟨h, z⟩ = r (a − u v / n), so that dx = −r/n · (r x̂ (a − u v / n) + v z + u H).
/// </summary>
internal sealed class NormalizedRowsGradientOp() : KernelOp(new("NormalizedRowsGradient", "The cotangent of x from that of its normalized rows.", new("x"), new("g"), new InputSchema("s", Optional: true))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = NormalizedRowsOp.Instance.Schema.Attributes,
})
{
    public static readonly NormalizedRowsGradientOp Instance = new();

    public override OpKind Kind => OpKind.Reduction;

    public override NodeType Infer(OpCall call)
    {
        var x = call.Inputs[0];
        if (x.Shape.Rank != 2 || !call.Inputs[1].Shape.Equals(x.Shape) || call.Inputs.Skip(2).Any(i => !i.Shape.Equals(new Shape(x.Shape[1]))))
            throw call.ShapeMismatch("The inputs are [rows, columns], [rows, columns] and [columns]");
        return x.Type;
    }

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.Attributes.Int("centred", 1) != 0 ? Create<Centred>(node) : Create<Uncentred>(node);

    public override void Derivative(DerivativeContext context)
    {
        var (x, g, h) = (context.Input(0), context.Input(1), context.Cotangent);
        var scale = context.InputCount > 2 ? context.Input(2) : null;
        var pulled = context.Builder.Add(Instance, context.Attributes, x, h);
        if (context.Needs(0))
        {
            bool centred = context.Attributes.Int("centred", 1) != 0;
            double n = x.Shape[1];
            var scaled = scale is null ? g : g * scale;
            var normalized = context.Builder.Add(NormalizedRowsOp.Instance, context.Attributes, x);
            var inverse = NormalizedRowsOp.Statistics(x, context.Attributes.Float("epsilon", 0), centred).Inverse;
            var (u, v, a) = (RowSum(scaled * normalized), RowSum(h * normalized), RowSum(h * scaled));
            if (centred)
                a -= RowSum(h) * RowSum(scaled) / n;
            context.Set(0, -(inverse / n) * ((inverse * normalized * (a - (u * v / n))) + (v * context.Output) + (u * pulled)));
        }

        if (context.Needs(1))
            context.Set(1, scale is null ? pulled : pulled * scale);
        if (scale is not null && context.Needs(2))
            context.Set(2, pulled * g);
    }

    private static Node RowSum(Node x) => x.Sum([1], keepDims: true);

    private static Kernel Create<TCentering>(Node node) where TCentering : struct, ICentering
    {
        var epsilon = node.Attributes.Float("epsilon", 0);
        return node.Inputs.Length == 2
            ? RowKernels.Create<NormalizationGradientFunction<TCentering, TwoOperands>>(node, node.Shape, 15, epsilon)
            : RowKernels.Create<NormalizationGradientFunction<TCentering, ThreeOperands>>(node, node.Shape, 16, epsilon);
    }
}
