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
        using var active = new ActiveNodes(builder, roots, wrt);
        for (var i = 0; i < roots.Count; i++)
        {
            var seed = Seed(roots[i], cotangents.Count > i ? cotangents[i] : null);
            if (active.Contains(roots[i]))
                active.Accumulate(roots[i], seed);
        }

        var origin = builder.Origin;
        var context = new DerivativeContext();
        for (var i = active.Count - 1; i >= 0; i--)
        {
            var node = active[i];
            if (active.CotangentOf(node) is not { } cotangent)
                continue;
            builder.Origin = node.Origin;
            if (node.Payload is CustomCall call)
                DifferentiateCall(call, node, active);
            else if (node.Op is { } op)
                Differentiate(op, node, cotangent, context, active);
            if (node.Payload is not CustomCall)
                active.Drop(node);
        }

        builder.Origin = origin;
        return [.. wrt.Select(active.CotangentOf)];
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

    private static void Differentiate(PrimitiveOp op, Node node, Node cotangent, DerivativeContext context, ActiveNodes active)
    {
        context.Start(node, cotangent);
        var any = false;
        for (var j = 0; j < node.Inputs.Length; j++)
        {
            var differentiability = op.Schema.Input(j)!.Differentiability;
            if (!active.Contains(node.Inputs[j]) || differentiability == Differentiability.Blocked)
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
                active.Accumulate(node.Inputs[j], contribution.SumTo(node.Inputs[j].Shape));
        }
    }

    /// <summary>
    /// The outputs of a call are neighbours, so at the first of them every use of all of them has been visited. An output
    /// that nothing flows into counts as zero.
    /// </summary>
    private static void DifferentiateCall(CustomCall call, Node node, ActiveNodes active)
    {
        // The first output that the sweep reaches last; if nothing flows into it, an earlier visit has none to wait for.
        var first = call.Outputs.First(o => active.CotangentOf(o) is not null);
        if (node != first)
            return;
        var builder = node.Builder;
        var cotangents = call.Outputs.Select(o => active.CotangentOf(o) ?? builder.Scalar(o.DataType, 0).BroadcastTo(o.Shape)).ToArray();
        var gradients = call.Gradient(cotangents);
        for (var j = 0; j < call.Arguments.Length; j++)
        {
            var argument = call.Arguments[j];
            if (gradients[j] is not { } gradient || !active.Contains(argument))
                continue;
            if (gradient.Type != argument.Type)
            {
                throw builder.Locate(GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"The gradient function of '{call.Function}' gives {gradient.Type} for parameter {j}, which is {argument.Type}."), call.Function).With("shapes", $"{argument.Type}, {gradient.Type}");
            }

            active.Accumulate(argument, gradient);
        }
    }
}
