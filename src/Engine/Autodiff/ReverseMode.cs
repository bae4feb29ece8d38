using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Autodiff;

/// <summary>
/// Reverse-mode differentiation as a transform of the graph: it appends the nodes of the gradient and computes nothing.
/// What it appends can be differentiated again, which is all there is to higher derivatives.
/// </summary>
public static class ReverseMode
{
    /// <summary>
    /// Appends d(Σ ⟨cotangentᵢ, rootᵢ⟩)/d(wrtⱼ). Each result has exactly the shape and type of its wrt node and is null
    /// (absent) where no differentiable path leads from it to a root.
    /// </summary>
    /// <param name="roots">Values to differentiate.</param>
    /// <param name="cotangents">One a root, of its shape and type; null for a scalar root means 1.</param>
    /// <param name="wrt">Any nodes of the same builder, of floating type.</param>
    /// <exception cref="GradientsException">COTANGENT_REQUIRED, NOT_DIFFERENTIABLE_TYPE, OP_NOT_DIFFERENTIABLE.</exception>
    public static Node?[] Gradients(IReadOnlyList<Node> roots, IReadOnlyList<Node?> cotangents, IReadOnlyList<Node> wrt)
    {
        if (roots.Count == 0)
            return new Node?[wrt.Count];
        var builder = roots[0].Builder;
        var last = Math.Max(roots.Max(r => r.Index), wrt.Count == 0 ? 0 : wrt.Max(w => w.Index));
        var active = Active(builder, wrt, last);
        var cotangentOf = new Node?[last + 1];
        for (var i = 0; i < roots.Count; i++)
        {
            var seed = Seed(roots[i], cotangents.Count > i ? cotangents[i] : null);
            if (active[roots[i].Index])
                Accumulate(cotangentOf, roots[i], seed);
        }

        var wanted = wrt.Select(w => w.Index).ToHashSet();
        var origin = builder.Origin;
        var context = new DerivativeContext();
        for (var i = last; i >= 0; i--)
        {
            if (cotangentOf[i] is not { } cotangent)
                continue;
            var node = builder.Nodes[i];
            builder.Origin = node.Origin;
            if (node.Payload is CustomCall call)
                DifferentiateCall(call, node, cotangentOf, active);
            else if (node.Op is { } op)
                Differentiate(op, node, cotangent, context, cotangentOf, active);

            // A cotangent that nobody reads any more is dropped, unless it was asked for.
            if (!wanted.Contains(i) && node.Payload is not CustomCall)
                cotangentOf[i] = null;
        }

        builder.Origin = origin;
        return [.. wrt.Select(w => cotangentOf[w.Index])];
    }

    /// <summary>Nodes through which something asked for can reach a root: wrt and all that depends differentiably on it.</summary>
    private static bool[] Active(GraphBuilder builder, IReadOnlyList<Node> wrt, int last)
    {
        var active = new bool[last + 1];
        foreach (var node in wrt)
        {
            if (!node.DataType.IsFloating())
                throw builder.Locate(GradientsException.Invalid(ErrorReasons.NotDifferentiableType, $"A {node.DataType.Name()} value has no gradient; only float32 and float64 have."), node.Origin.Op ?? "Input");
            active[node.Index] = true;
        }

        for (var i = 0; i <= last; i++)
        {
            var node = builder.Nodes[i];
            if (node.Op is null || active[i] || !node.DataType.IsFloating())
                continue;
            for (var j = 0; j < node.Inputs.Length && !active[i]; j++)
                active[i] = active[node.Inputs[j].Index] && node.Op.Schema.Input(j)!.Differentiability != Differentiability.Blocked;
        }

        return active;
    }

    private static Node Seed(Node root, Node? cotangent)
    {
        if (!root.DataType.IsFloating())
            throw root.Builder.Locate(GradientsException.Invalid(ErrorReasons.NotDifferentiableType, $"The root {root.Type} has no derivative; only float32 and float64 values have."), "Gradient");
        if (cotangent is null)
        {
            if (root.Shape.Rank != 0 && root.Shape.ElementCount != 1)
                throw root.Builder.Locate(GradientsException.Precondition(ErrorReasons.CotangentRequired, $"The root {root.Type} is not a scalar: give a cotangent of the same shape and type."), "Gradient");
            return root.Builder.Scalar(root.DataType, 1).BroadcastTo(root.Shape);
        }

        if (cotangent.DataType != root.DataType)
            throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"The cotangent is {cotangent.Type}, its root {root.Type}.").With("shapes", $"{root.Type}, {cotangent.Type}");
        if (!cotangent.Shape.Equals(root.Shape))
            throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"The cotangent is {cotangent.Type}, its root {root.Type}.").With("shapes", $"{root.Type}, {cotangent.Type}");
        return cotangent;
    }

    private static void Differentiate(PrimitiveOp op, Node node, Node cotangent, DerivativeContext context, Node?[] cotangentOf, bool[] active)
    {
        context.Start(node, cotangent);
        var any = false;
        for (var j = 0; j < node.Inputs.Length; j++)
        {
            var differentiability = op.Schema.Input(j)!.Differentiability;
            if (!active[node.Inputs[j].Index] || differentiability == Differentiability.Blocked)
                continue;
            if (differentiability == Differentiability.Undefined)
                throw node.Builder.Locate(GradientsException.Unimplemented(ErrorReasons.OpNotDifferentiable, $"{op.Name} has no derivative for its input '{op.Schema.Input(j)!.Name}'."), op.Name);
            context.Require(j);
            any = true;
        }

        if (!any)
            return;
        op.Derivative(context);
        for (var j = 0; j < node.Inputs.Length; j++)
        {
            if (context.Needs(j) && context.Result(j) is { } contribution)
                Accumulate(cotangentOf, node.Inputs[j], contribution.SumTo(node.Inputs[j].Shape));
        }
    }

    /// <summary>
    /// The outputs of a call are neighbours, so at the first of them every use of all of them has been visited. An output
    /// that nothing flows into counts as zero.
    /// </summary>
    private static void DifferentiateCall(CustomCall call, Node node, Node?[] cotangentOf, bool[] active)
    {
        // The first output that the sweep reaches last; if nothing flows into it, an earlier visit has none to wait for.
        var first = call.Outputs.First(o => o.Index < cotangentOf.Length && cotangentOf[o.Index] is not null);
        if (node != first)
            return;
        var builder = node.Builder;
        var cotangents = call.Outputs.Select(o => (o.Index < cotangentOf.Length ? cotangentOf[o.Index] : null) ?? builder.Scalar(o.DataType, 0).BroadcastTo(o.Shape)).ToArray();
        var gradients = call.Gradient(cotangents);
        for (var j = 0; j < call.Arguments.Length; j++)
        {
            var argument = call.Arguments[j];
            if (gradients[j] is not { } gradient || !active[argument.Index])
                continue;
            if (gradient.Type != argument.Type)
            {
                throw builder.Locate(GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"The gradient function of '{call.Function}' gives {gradient.Type} for parameter {j}, which is {argument.Type}."), call.Function).With("shapes", $"{argument.Type}, {gradient.Type}");
            }

            Accumulate(cotangentOf, argument, gradient);
        }
    }

    private static void Accumulate(Node?[] cotangentOf, Node node, Node contribution)
    {
        ref var slot = ref cotangentOf[node.Index];
        slot = slot is null ? contribution : slot + contribution;
    }
}
