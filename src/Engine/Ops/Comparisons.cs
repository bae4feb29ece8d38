using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>c = [a = b].</summary>
internal sealed class EqualOp() : ElementwiseOp(new("Equal", "c = (a == b) as bool under broadcasting; NaN equals nothing.", new("A", Differentiability: Differentiability.Blocked), new InputSchema("B", Differentiability: Differentiability.Blocked)) { Types = TypeSets.AnyT })
{
    public static readonly EqualOp Instance = new();

    public override NodeType Infer(OpCall call) => new(DataType.Bool, call.BroadcastShape());

    public override unsafe TileFunction Tile(Node node) =>
        node.Inputs[0].DataType == DataType.Bool ? new(&Booleans) : Tiles.Predicate<EqualPredicate>(node.Inputs[0].DataType);

    private static unsafe void Booleans(void** inputs, int inputCount, void* output, int count) =>
        Selection.EqualBool(new ReadOnlySpan<byte>(inputs[0], count), new ReadOnlySpan<byte>(inputs[1], count), new Span<byte>(output, count));
}

/// <summary>c = [a &lt; b].</summary>
internal sealed class LessOp() : ElementwiseOp(new("Less", "c = (a < b) as bool under broadcasting; false for NaN.", new("A", Differentiability: Differentiability.Blocked), new InputSchema("B", Differentiability: Differentiability.Blocked)) { Types = TypeSets.NumericT })
{
    public static readonly LessOp Instance = new();

    public override NodeType Infer(OpCall call) => new(DataType.Bool, call.BroadcastShape());

    public override TileFunction Tile(Node node) => Tiles.Predicate<LessPredicate>(node.Inputs[0].DataType);
}

/// <summary>c = [a &gt; b] = [b &lt; a].</summary>
internal sealed class GreaterOp() : ComposedOp(new("Greater", "c = (a > b) as bool under broadcasting; false for NaN.", new("A", Differentiability: Differentiability.Blocked), new InputSchema("B", Differentiability: Differentiability.Blocked)) { Types = TypeSets.NumericT })
{
    public static readonly GreaterOp Instance = new();

    protected override Node Compose(OpCall call) => call.Builder.Add(LessOp.Instance, call.Inputs[1], call.Inputs[0]);
}
