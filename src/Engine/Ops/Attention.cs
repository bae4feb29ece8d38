using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Attention;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// y = softmax(scale · Q Kᵀ + mask) V for Q[B, H, T, D], K[B, H, S, D], V[B, H, S, E]. A query that sees no key gives 0, and nothing
/// flows back from it.
/// </summary>
internal sealed class AttentionOp() : ComposedOp(new("Attention", "softmax(scale Q K^T + mask) V for Q [B, H, T, D], K [B, H, S, D] and V [B, H, S, E]. attn_mask broadcasts to [B, H, T, S]: bool keeps a key where true, a number is added to the score. is_causal hides keys behind the query's position. A query that sees no key gives 0.", new("Q"), new("K"), new("V"), new InputSchema("attn_mask", "U", Optional: true))
{
    SinceVersion = 23,
    Types = AttentionNodes.Types,
    Attributes =
    [
        new("is_causal", typeof(long), "Whether query i sees keys 0 to i only.", Default: 0L),
        new("scale", typeof(double), "Factor of the scores; 1 / sqrt(D) when omitted."),
    ],
})
{
    public static readonly AttentionOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        Shape q = call.Inputs[0].Shape, k = call.Inputs[1].Shape, v = call.Inputs[2].Shape;
        if (q.Rank != 4 || k.Rank != 4 || v.Rank != 4 || q[0] != k[0] || q[1] != k[1] || k[0] != v[0] || k[1] != v[1] || q[3] != k[3] || k[2] != v[2])
            throw call.ShapeMismatch("Q, K and V are [B, H, T, D], [B, H, S, D] and [B, H, S, E]");
        if (Math.Max(Math.Max(q[2], k[2]), Math.Max(Math.Max(q[1], q[3]), v[3])) > int.MaxValue)
            throw call.ShapeMismatch("A dimension is larger than 2^31 - 1");
        var mask = call.Optional(3);
        Shape scores = new(q[0], q[1], q[2], k[2]);
        if (mask is not null && !scores.Equals(Shape.TryBroadcast(scores, mask.Shape)))
            throw call.ShapeMismatch($"attn_mask does not broadcast to {scores}");
        if (mask is not null && mask.DataType != DataType.Bool && mask.DataType != call.Inputs[0].DataType)
            throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"Attention: attn_mask is {mask.DataType.Name()}; it is bool or {call.Inputs[0].DataType.Name()}, as Q is.");
        var scale = call.Attributes.Float("scale", 1 / Math.Sqrt(Math.Max(1, q[3])));
        var attributes = Attributes.Of(("is_causal", call.Attributes.Int("is_causal", 0)), ("scale", scale));
        var saved = call.Builder.Add(AttentionForwardOp.Instance, attributes, AttentionNodes.With(mask, call.Inputs[0], call.Inputs[1], call.Inputs[2]));
        return AttentionNodes.Part(saved, 0, new Shape(q[0], q[1], q[2], v[3]));
    }
}

/// <summary>What the two kernels of attention have in common: their inputs q, k, v (and g) by rows, then a mask under any layout.</summary>
internal abstract class AttentionKernelOp(string name, string doc, params InputSchema[] inputs) : KernelOp(new(name, doc, inputs)
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = AttentionNodes.Types,
    Attributes = [new("is_causal", typeof(long), "Whether query i sees keys 0 to i only.", Required: true), new("scale", typeof(double), "Factor of the scores.", Required: true)],
})
{
    public sealed override OpKind Kind => OpKind.Opaque;

    /// <summary>The position of the mask.</summary>
    protected abstract int MaskInput { get; }

    public override bool Accepts(Node node, int input, Layout layout) =>
        input == MaskInput || layout.IsContiguous || (layout.Shape.Rank == 4 && layout.Strides[3] == 1);

    protected Node? MaskOf(Node node) => node.Inputs.Length > MaskInput ? node.Inputs[MaskInput] : null;

    protected AttentionShape ShapeOf(Node node)
    {
        Shape q = node.Inputs[0].Shape, v = node.Inputs[2].Shape;
        var mask = MaskOf(node) is not { } m ? MaskKind.None : m.DataType == DataType.Bool ? MaskKind.Boolean : MaskKind.Additive;
        return new(q[0], (int)q[1], (int)q[2], (int)v[2], (int)q[3], (int)v[3], node.Attributes.Float("scale", 1), node.Attributes.Int("is_causal", 0) != 0, mask);
    }

    /// <summary>The layouts of the inputs with rows, and of the mask under the scores' shape.</summary>
    protected HeadLayout[] LayoutsOf(Node node, Layout[] inputs, int rowInputs)
    {
        Shape q = node.Inputs[0].Shape, k = node.Inputs[1].Shape;
        IEnumerable<Layout> layouts = inputs.Take(rowInputs);
        if (MaskOf(node) is not null)
            layouts = layouts.Append(inputs[MaskInput].BroadcastTo(new Shape(q[0], q[1], q[2], k[2])));
        return [.. layouts.Select(HeadLayout.Of)];
    }
}

/// <summary>The flat y[B, H, T, E] and, behind it, ln Σ e^score [B, H, T] of the queries. The latter is only for the derivative.</summary>
internal sealed class AttentionForwardOp() : AttentionKernelOp("AttentionForward", "Attention's output and the log-sum-exp of each query's scores, flat, one behind the other.", new("q"), new("k"), new("v"), new("mask", "U", Optional: true))
{
    public static readonly AttentionForwardOp Instance = new();

    protected override int MaskInput => 3;

    public override NodeType Infer(OpCall call)
    {
        Shape q = call.Inputs[0].Shape, v = call.Inputs[2].Shape;
        return new(call.Inputs[0].DataType, new Shape(new Shape(q[0], q[1], q[2], v[3] + 1).ElementCount));
    }

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.DataType == DataType.Float32
        ? new AttentionKernel<float>(ShapeOf(node), LayoutsOf(node, inputs, 3))
        : new AttentionKernel<double>(ShapeOf(node), LayoutsOf(node, inputs, 3));

    public override void Derivative(DerivativeContext context)
    {
        Node q = context.Input(0), k = context.Input(1), v = context.Input(2);
        var mask = MaskOf(context.Output);
        var g = AttentionNodes.CotangentOfY(context.Cotangent, new Shape(q.Shape[0], q.Shape[1], q.Shape[2], v.Shape[3]));
        if (context.Needs(0) || context.Needs(1) || context.Needs(2))
        {
            var gradients = context.Builder.Add(AttentionGradientOp.Instance, context.Attributes, AttentionNodes.With(mask, q, k, v, g, context.Output));
            long start = 0;
            for (var i = 0; i < 3; i++)
            {
                if (context.Needs(i))
                    context.Set(i, AttentionNodes.Part(gradients, start, context.Input(i).Shape));
                start += context.Input(i).Shape.ElementCount;
            }
        }

        if (mask is not null && context.Needs(3))
        {
            var p = AttentionNodes.Probabilities(q, k, mask, context.Attributes);
            context.Set(3, AttentionNodes.SoftmaxAdjoint(p, g.MatMul(v.SwapLast())));
        }
    }
}

/// <summary>
/// The flat dq, dk and dv of attention for the cotangent g of its output. Its own derivative is written as nodes over the whole
/// matrix of scores. With s the scale, p the probabilities, dp = g vᵀ, ds = p ∘ (dp − Σ p ∘ dp), and cotangents a, b, c of dq, dk, dv:
/// e = s (a kᵀ + q bᵀ), ε = Σ p ∘ e, w = p ∘ (e − ε), r = g cᵀ + e ∘ (dp − Σ p ∘ dp) − ε dp, z = p ∘ (r − Σ p ∘ r), and the cotangents are
/// s (ds b + z k) of q, s (dsᵀ a + zᵀ q) of k, wᵀ g of v, p c + w v of g and z of the mask.
/// </summary>
internal sealed class AttentionGradientOp() : AttentionKernelOp("AttentionGradient", "Gradients of attention's q, k and v, flat, one behind the other.", new("q"), new("k"), new("v"), new("g"), new("saved", Differentiability: Differentiability.Blocked), new("mask", "U", Optional: true))
{
    public static readonly AttentionGradientOp Instance = new();

    protected override int MaskInput => 5;

    public override NodeType Infer(OpCall call) => new(
        call.Inputs[0].DataType, new Shape(call.Inputs[0].Shape.ElementCount + call.Inputs[1].Shape.ElementCount + call.Inputs[2].Shape.ElementCount));

    public override Kernel CreateKernel(Node node, Layout[] inputs) => node.DataType == DataType.Float32
        ? new AttentionGradientKernel<float>(ShapeOf(node), LayoutsOf(node, inputs, 4))
        : new AttentionGradientKernel<double>(ShapeOf(node), LayoutsOf(node, inputs, 4));

    public override void Derivative(DerivativeContext context)
    {
        Node q = context.Input(0), k = context.Input(1), v = context.Input(2), g = context.Input(3), u = context.Cotangent;
        var scale = context.Attributes.Float("scale", 1);
        var a = AttentionNodes.Part(u, 0, q.Shape);
        var b = AttentionNodes.Part(u, q.Shape.ElementCount, k.Shape);
        var c = AttentionNodes.Part(u, q.Shape.ElementCount + k.Shape.ElementCount, v.Shape);
        var p = AttentionNodes.Probabilities(q, k, MaskOf(context.Output), context.Attributes);
        var dp = g.MatMul(v.SwapLast());
        var centred = dp - (p * dp).Sum([-1], keepDims: true);
        var e = scale * (a.MatMul(k.SwapLast()) + q.MatMul(b.SwapLast()));
        var mean = (p * e).Sum([-1], keepDims: true);
        var (ds, w) = (p * centred, p * (e - mean));
        var z = AttentionNodes.SoftmaxAdjoint(p, g.MatMul(c.SwapLast()) + (e * centred) - (mean * dp));
        if (context.Needs(0))
            context.Set(0, scale * (ds.MatMul(b) + z.MatMul(k)));
        if (context.Needs(1))
            context.Set(1, scale * (ds.SwapLast().MatMul(a) + z.SwapLast().MatMul(q)));
        if (context.Needs(2))
            context.Set(2, w.SwapLast().MatMul(g));
        if (context.Needs(3))
            context.Set(3, p.MatMul(c) + w.MatMul(v));
        if (context.InputCount > 5 && context.Needs(5))
            context.Set(5, z);
    }
}
