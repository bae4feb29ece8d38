using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>How a loss goes from elements to its result.</summary>
internal static class LossReduction
{
    public static readonly AttributeSchema Attribute = new("reduction", typeof(string), "\"mean\", \"sum\" or \"none\".", Default: "mean");

    /// <exception cref="GradientsException">INVALID_ATTRIBUTE unless it is one of the three.</exception>
    public static string Of(OpCall call) => call.Attributes.Text("reduction", "mean") is var r and ("mean" or "sum" or "none")
        ? r
        : throw call.InvalidAttribute($"reduction is \"{call.Attributes.Text("reduction", "")}\"; allowed are \"mean\", \"sum\" and \"none\"");

    public static Node Apply(string reduction, Node elements) => reduction switch
    {
        "mean" => elements.Mean(),
        "sum" => elements.Sum(),
        _ => elements,
    };
}

/// <summary>y = (a − b)², reduced.</summary>
internal sealed class MeanSquaredErrorOp() : ComposedOp(new("MeanSquaredError", "(predictions - targets)^2 for equal shapes, reduced.", new("predictions"), new InputSchema("targets"))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = [LossReduction.Attribute],
})
{
    public static readonly MeanSquaredErrorOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        Node a = call.Inputs[0], b = call.Inputs[1];
        if (!a.Shape.Equals(b.Shape))
            throw call.ShapeMismatch("Predictions and targets have the same shape");
        var difference = a - b;
        return LossReduction.Apply(LossReduction.Of(call), difference * difference);
    }
}

/// <summary>
/// y = w · (p · t · softplus(−x) + (1 − t) · softplus(x)), reduced, for logits x, targets t in [0, 1], weights w and
/// positive weights p: −ln of the probability of t, as a sum of terms that do not cancel.
/// </summary>
internal sealed class BinaryCrossEntropyWithLogitsOp() : ComposedOp(new("BinaryCrossEntropyWithLogits", "-w (p t ln s + (1 - t) ln(1 - s)) for s = sigmoid(logits), targets t in [0, 1] of the same shape, reduced; the mean divides by the number of elements. weight w and pos_weight p broadcast.", new("logits"), new("targets"), new("weight", Optional: true), new InputSchema("pos_weight", Optional: true))
{
    Domain = "gradients",
    SinceVersion = 1,
    Attributes = [LossReduction.Attribute],
})
{
    public static readonly BinaryCrossEntropyWithLogitsOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        Node x = call.Inputs[0], t = call.Inputs[1];
        if (!x.Shape.Equals(t.Shape))
            throw call.ShapeMismatch("Logits and targets have the same shape");
        for (var i = 2; i < call.InputCount; i++)
        {
            if (call.Optional(i) is { } w && !x.Shape.Equals(Shape.TryBroadcast(x.Shape, w.Shape)))
                throw call.ShapeMismatch($"{w.Shape} does not broadcast to {x.Shape}");
        }

        var positive = t * (-x).Softplus();
        if (call.Optional(3) is { } posWeight)
            positive = posWeight * positive;
        var loss = positive + ((1 - t) * x.Softplus());
        if (call.Optional(2) is { } weight)
            loss = weight * loss;
        return LossReduction.Apply(LossReduction.Of(call), loss);
    }
}
