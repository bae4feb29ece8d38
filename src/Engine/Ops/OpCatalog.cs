using Gradients.Engine.Graph;

namespace Gradients.Engine.Ops;

/// <summary>All ops that a definition may name, and the primitives that they are lowered to.</summary>
public static class OpCatalog
{
    /// <summary>What clients can use.</summary>
    public static IReadOnlyList<Op> All { get; } =
    [
        .. StructuralOp.All,
        AddOp.Instance,
        SubOp.Instance,
        MulOp.Instance,
        DivOp.Instance,
        NegOp.Instance,
        AbsOp.Instance,
        SignOp.Instance,
        PowOp.Instance,
        ReciprocalOp.Instance,
        SqrtOp.Instance,
        ExpOp.Instance,
        LogOp.Instance,
        MaxOp.Instance,
        MinOp.Instance,
        ClipOp.Instance,
        WhereOp.Instance,
        EqualOp.Instance,
        LessOp.Instance,
        GreaterOp.Instance,
        ReluOp.Instance,
        SigmoidOp.Instance,
        TanhOp.Instance,
        SoftplusOp.Instance,
        GeluOp.Instance,
        ErfOp.Instance,
        ReduceSumOp.Instance,
        ReduceMeanOp.Instance,
        ReduceMaxOp.Instance,
        ReduceMinOp.Instance,
        ReduceLogSumExpOp.Instance,
        ReduceL1Op.Instance,
        ReduceL2Op.Instance,
        ReduceSumSquareOp.Instance,
        MatMulOp.Instance,
        GemmOp.Instance,
        ConvOp.Instance,
        ReshapeOp.Instance,
        SqueezeOp.Instance,
        UnsqueezeOp.Instance,
        TransposeOp.Instance,
        ExpandOp.Instance,
        ConcatOp.Instance,
        SliceOp.Instance,
        GatherOp.Instance,
        CastOp.Instance,
        IdentityOp.Instance,
        ShapeOp.Instance,
        SoftmaxAlongOp.Instance,
        LogSoftmaxAlongOp.Instance,
        LayerNormalizationOp.Instance,
        RMSNormalizationOp.Instance,
        DropoutOp.Instance,
        StopGradientOp.Instance,
        MeanSquaredErrorOp.Instance,
        SoftmaxCrossEntropyOp.Instance,
        BinaryCrossEntropyWithLogitsOp.Instance,
    ];

    /// <summary>Primitives that only lowering and derivative rules create.</summary>
    public static IReadOnlyList<PrimitiveOp> Internal { get; } =
    [
        PowerOp.Instance,
        ClampOp.Instance,
        ExactGeluOp.Instance,
        SumAxisOp.Instance,
        MaxAxisOp.Instance,
        MinAxisOp.Instance,
        LogSumExpAxisOp.Instance,
        MatrixProductOp.Instance,
        ConvolutionOp.Instance,
        ConvolutionDataGradientOp.Instance,
        ConvolutionWeightGradientOp.Instance,
        ReshapeViewOp.Instance,
        ExpandViewOp.Instance,
        SliceViewOp.Instance,
        SliceAdjointOp.Instance,
        ScatterAddOp.Instance,
        SoftmaxRowsOp.Instance,
        SoftmaxRowsGradientOp.Instance,
        LogSoftmaxRowsOp.Instance,
        LogSoftmaxRowsGradientOp.Instance,
        CrossEntropyRowsOp.Instance,
        CrossEntropyRowsGradientOp.Instance,
        NormalizedRowsOp.Instance,
        NormalizedRowsGradientOp.Instance,
        DroppedOutOp.Instance,
        DropoutMaskOp.Instance,
        PickColumnOp.Instance,
        PlaceColumnOp.Instance,
        CustomCallOutput.Instance,
    ];

    private static readonly Dictionary<string, Op> ByName = All.ToDictionary(op => op.Name);

    /// <summary>The public op of a name, or null.</summary>
    public static Op? Find(string name) => ByName.GetValueOrDefault(name);
}
