using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// For logits x[N, C, d…] and classes t[N, d…], with p = softmax of x over C, class weights w[C] (1 when omitted) and
/// smoothing s: each position's loss is −(1 − s) · w_t · ln p_t − s/C · Σ_c w_c · ln p_c, and 0 where t is ignore_index.
/// The mean divides by the sum of w_t over the positions that are not ignored.
/// </summary>
/// <remarks>
/// An ignored position is selected away last, so that its cotangent is exactly 0 whatever lies before it: when all are
/// ignored the mean is 0/0 = NaN and the gradient 0.
/// </remarks>
internal sealed class SoftmaxCrossEntropyOp() : ComposedOp(new("SoftmaxCrossEntropy", "-ln softmax(logits)[class] for logits [N, C, d...] (or [C]) and classes [N, d...], weighted, smoothed and reduced; the mean divides by the sum of the weights of the classes used. Positions of class ignore_index count nowhere; when all do, the mean is NaN and its gradient 0.", new("logits"), new("classes", "I", Differentiability.Blocked), new InputSchema("weights", Optional: true))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Floating),
    Attributes =
    [
        LossReduction.Attribute,
        new("ignore_index", typeof(long), "The class that marks positions to leave out.", Default: -100L),
        new("label_smoothing", typeof(double), "The part in [0, 1] of each target that is spread over all classes.", Default: 0.0),
    ],
})
{
    public static readonly SoftmaxCrossEntropyOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        var reduction = LossReduction.Of(call);
        var smoothing = call.Attributes.Float("label_smoothing", 0);
        if (!(smoothing is >= 0 and <= 1))
            throw call.InvalidAttribute($"label_smoothing is {smoothing}; it lies in [0, 1]");
        Node logits = call.Inputs[0], classes = call.Inputs[1];
        CheckShapes(call, logits.Shape, classes.Shape);

        var positions = classes.Shape;
        var rows = ClassesLast(logits).Rows();
        classes = classes.Reshape(new Shape(positions.ElementCount));
        var ignored = classes.Equal(call.Attributes.Int("ignore_index", -100));
        classes = ignored.Where(call.Builder.Scalar(DataType.Int64, 0), classes);

        var zero = call.Builder.Scalar(logits.DataType, 0);
        var weights = call.Optional(2);
        var used = weights is null ? call.Builder.Scalar(logits.DataType, 1) : GatherOp.Apply(weights, classes, 0);
        var logs = smoothing == 0 ? null : call.Builder.Add(LogSoftmaxRowsOp.Instance, rows);
        var loss = logs is null ? call.Builder.Add(CrossEntropyRowsOp.Instance, rows, classes) : -call.Builder.Add(PickColumnOp.Instance, logs, classes);
        if (weights is not null)
            loss = used * loss;
        if (logs is not null)
        {
            var all = -(weights is null ? logs : weights * logs).Sum([1]);
            loss = ((1 - smoothing) * loss) + (smoothing / logs.Shape[1] * all);
        }

        if (reduction == "none")
            return ignored.Where(zero, loss).Reshape(positions);
        if (reduction == "sum")
            return ignored.Where(zero, loss).Sum();
        return ignored.Where(zero, loss).Sum() / ignored.Where(zero, used).Sum();
    }

    private static Node ClassesLast(Node logits)
    {
        var rank = logits.Shape.Rank;
        return rank <= 2 ? logits : logits.Transpose([0, .. Enumerable.Range(2, rank - 2).Select(d => (long)d), 1]);
    }

    private static void CheckShapes(OpCall call, Shape logits, Shape classes)
    {
        if (logits.Rank == 0)
            throw call.ShapeMismatch("The logits have a dimension of classes");
        var axis = logits.Rank == 1 ? 0 : 1;
        if (!classes.Equals(new Shape([.. logits.Dimensions[..axis], .. logits.Dimensions[(axis + 1)..]])))
            throw call.ShapeMismatch($"Logits {logits} with their classes at dimension {axis} do not go with classes {classes}");
        if (call.Optional(2) is { } weights && !weights.Shape.Equals(new Shape(logits[axis])))
            throw call.ShapeMismatch($"There is one weight a class: [{logits[axis]}]");
    }
}
