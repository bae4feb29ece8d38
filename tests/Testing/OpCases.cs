using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using static Gradients.Testing.Domain;

namespace Gradients.Testing;

/// <summary>One registry of op cases: gradient checks, benchmarks and documentation read it.</summary>
public static class OpCases
{
    public static readonly OpCase[] All =
    [
        .. Binary("Add", Real, Real, multilinear: true),
        .. Binary("Sub", Real, Real, multilinear: true),
        .. Binary("Mul", Real, Real, multilinear: true),
        .. Binary("Div", Real, Positive),
        .. Binary("Pow", Positive, Real),
        Case("Pow", "square", [F(Real, 5), Scalar(2)]),
        Case("Pow", "cube of negatives", [F(Nonzero, 5), Scalar(3)]),
        Case("Pow", "int64 exponent", [F(Positive, 3), I([3], 2, 3, 1)]),
        Linear("Neg", "matrix", [F(Real, 2, 3)]),
        Case("Abs", "away from 0", [F(Nonzero, 2, 3)]),
        Case("Sign", "blocked", [F(Nonzero, 3)]),
        Case("Reciprocal", "away from 0", [F(Nonzero, 2, 3)]),
        Case("Reciprocal", "zero size", [F(Nonzero, 0, 3)]),
        Case("Sqrt", "positive", [F(Positive, 2, 3)]),
        Case("Exp", "real", [F(Real, 2, 3)]),
        Case("Log", "positive", [F(Positive, 2, 3)]),
        Case("Max", "one", [F(Distinct, 3)]),
        Case("Max", "two", [F(Distinct, 2, 3), F(Distinct, 2, 3)]),
        Case("Max", "three broadcast", [F(Distinct, 2, 3), F(Distinct, 3), F(Distinct, 2, 1)]),
        Case("Min", "two", [F(Distinct, 2, 3), F(Distinct, 3)]),
        Case("Min", "three", [F(Distinct, 4), F(Distinct, 4), F(Distinct, 4)]),
        Case("Clip", "both bounds", [F(Distinct, 12), F(Low), F(High)]),
        Case("Clip", "lower bound", [F(Distinct, 12), F(Low)]),
        Case("Clip", "upper bound", [F(Distinct, 12), null, F(High)]),
        Linear("Where", "same", [B([4], true, false, true, false), F(Real, 4), F(Real, 4)]),
        Linear("Where", "broadcast", [B([2, 1], true, false), F(Real, 3), F(Real, 1)]),
        Case("Equal", "blocked", [F(Distinct, 3), F(Distinct, 3)]),
        Case("Less", "blocked", [F(Distinct, 3), F(Distinct, 3)]),
        Case("Greater", "blocked", [F(Distinct, 3), F(Distinct, 3)]),
        Case("Relu", "away from 0", [F(Nonzero, 3, 4)]),
        Case("Sigmoid", "real", [F(Real, 2, 3)]),
        Case("Tanh", "real", [F(Real, 2, 3)]),
        Case("Softplus", "real", [F(Real, 2, 3)]),
        Case("Gelu", "exact", [F(Real, 2, 3)]),
        Case("Gelu", "tanh", [F(Real, 2, 3)], ("approximate", "tanh")),
        Case("Erf", "real", [F(Real, 2, 3)]),
        .. Reductions("ReduceSum", Real, multilinear: true),
        Linear("ReduceSum", "axes as input", [F(Real, 2, 3, 4), Ints(0, -1)], ("keepdims", 0)),
        Linear("ReduceSum", "empty axis", [F(Real, 2, 0)], ("axes", new long[] { 1 })),
        Linear("ReduceSum", "no axes, no reduction", [F(Real, 2, 3)], ("noop_with_empty_axes", 1)),
        Linear("ReduceSum", "long", [F(Real, 3, 700)], ("axes", new long[] { 1 })),
        .. Reductions("ReduceMean", Real, multilinear: true),
        .. Reductions("ReduceMax", Distinct),
        .. Reductions("ReduceMin", Distinct),
        .. Reductions("ReduceLogSumExp", Real),
        .. Reductions("ReduceL1", Nonzero),
        .. Reductions("ReduceL2", Nonzero),
        .. Reductions("ReduceSumSquare", Real),
        Linear("MatMul", "matrices", [F(Real, 2, 3), F(Real, 3, 4)]),
        Linear("MatMul", "vectors", [F(Real, 3), F(Real, 3)]),
        Linear("MatMul", "vector left", [F(Real, 3), F(Real, 3, 2)]),
        Linear("MatMul", "vector right", [F(Real, 2, 3), F(Real, 3)]),
        Linear("MatMul", "vector and batch", [F(Real, 3), F(Real, 2, 3, 2)]),
        Linear("MatMul", "batch and matrix", [F(Real, 2, 2, 3), F(Real, 3, 2)]),
        Linear("MatMul", "matrix and batch", [F(Real, 2, 3), F(Real, 2, 3, 2)]),
        Linear("MatMul", "batches broadcast", [F(Real, 2, 1, 2, 3), F(Real, 3, 3, 1)]),
        Linear("MatMul", "inner dimension 0", [F(Real, 2, 0), F(Real, 0, 3)]),
        Linear("MatMul", "blocked", [F(Real, 20, 30), F(Real, 30, 25)]),
        Linear("Gemm", "plain", [F(Real, 2, 3), F(Real, 3, 4), F(Real, 4)]),
        Linear("Gemm", "transposed and scaled", [F(Real, 3, 2), F(Real, 4, 3), F(Real, 2, 1)], ("transA", 1), ("transB", 1), ("alpha", 0.5), ("beta", 2.0)),
        Linear("Gemm", "without C", [F(Real, 2, 3), F(Real, 3, 2)]),
        Linear("Conv", "1-d", [F(Real, 2, 2, 6), F(Real, 3, 2, 3)]),
        Linear("Conv", "1-d, strided, dilated, padded, biased", [F(Real, 1, 2, 7), F(Real, 2, 2, 2), F(Real, 2)], ("strides", new long[] { 2 }), ("dilations", new long[] { 3 }), ("pads", new long[] { 2, 1 })),
        Linear("Conv", "2-d, biased", [F(Real, 2, 2, 4, 5), F(Real, 3, 2, 3, 2), F(Real, 3)]),
        Linear("Conv", "strides, dilations and asymmetric pads", [F(Real, 1, 1, 5, 6), F(Real, 2, 1, 2, 3)], ("strides", new long[] { 2, 3 }), ("dilations", new long[] { 3, 1 }), ("pads", new long[] { 1, 0, 2, 3 })),
        Linear("Conv", "groups", [F(Real, 1, 4, 3, 3), F(Real, 6, 2, 2, 2)], ("group", 2), ("pads", new long[] { 1, 1, 1, 1 })),
        Linear("Conv", "depthwise", [F(Real, 1, 3, 4, 4), F(Real, 3, 1, 3, 3)], ("group", 3), ("auto_pad", "SAME_UPPER")),
        Linear("Conv", "stride larger than the kernel", [F(Real, 1, 2, 6, 5), F(Real, 2, 2, 1, 2)], ("strides", new long[] { 3, 4 })),
        Linear("Conv", "pads larger than the kernel", [F(Real, 1, 1, 2, 2), F(Real, 1, 1, 2, 2)], ("pads", new long[] { 3, 2, 2, 3 })),
        Linear("Conv", "no images", [F(Real, 0, 2, 3, 3), F(Real, 2, 2, 2, 2)]),
        Case("MaxPool", "2-d, overlapping", [F(Distinct, 1, 2, 4, 5)], ("kernel_shape", new long[] { 3, 2 }), ("strides", new long[] { 1, 2 })),
        Case("MaxPool", "1-d, padded, ceil", [F(Distinct, 2, 1, 7)], ("kernel_shape", new long[] { 3 }), ("strides", new long[] { 2 }), ("pads", new long[] { 1, 0 }), ("ceil_mode", 1)),
        Case("MaxPool", "dilated, same", [F(Distinct, 1, 1, 5, 6)], ("kernel_shape", new long[] { 2, 2 }), ("dilations", new long[] { 2, 3 }), ("auto_pad", "SAME_LOWER")),
        Linear("AveragePool", "2-d, padded", [F(Real, 1, 2, 4, 3)], ("kernel_shape", new long[] { 2, 3 }), ("pads", new long[] { 1, 1, 0, 2 })),
        Linear("AveragePool", "pads counted, ceil", [F(Real, 2, 1, 5, 6)], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }), ("count_include_pad", 1), ("ceil_mode", 1)),
        Linear("AveragePool", "2-d, halved", [F(Real, 2, 2, 4, 22)], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 })),
        Linear("AveragePool", "2-d, whole", [F(Real, 2, 3, 4, 5)], ("kernel_shape", new long[] { 4, 5 }), ("strides", new long[] { 3, 3 })),
        Linear("AveragePool", "1-d, same", [F(Real, 1, 2, 5)], ("kernel_shape", new long[] { 2 }), ("auto_pad", "SAME_UPPER")),
        Case("GlobalMaxPool", "2-d", [F(Distinct, 2, 2, 3, 2)]),
        Linear("GlobalAveragePool", "2-d", [F(Real, 2, 2, 3, 2)]),
        Linear("GlobalAveragePool", "1-d", [F(Real, 1, 2, 4)]),
        Linear("Reshape", "inferred", [F(Real, 2, 6), Ints(0, 2, -1)]),
        Linear("Reshape", "zero size", [F(Real, 0, 3), Ints(3, 0)], ("allowzero", 1)),
        Linear("Squeeze", "all", [F(Real, 1, 3, 1)]),
        Linear("Squeeze", "axes", [F(Real, 1, 3, 1), Ints(-1)]),
        Linear("Unsqueeze", "axes", [F(Real, 3), Ints(0, -1)]),
        Linear("Transpose", "reversed", [F(Real, 2, 3, 4)]),
        Linear("Transpose", "perm", [F(Real, 2, 3, 4)], ("perm", new long[] { 2, 0, 1 })),
        Linear("Expand", "both ways", [F(Real, 3, 1), Ints(2, 1, 4)]),
        Linear("Expand", "scalar", [F(Real), Ints(2, 2)]),
        Linear("Concat", "last", [F(Real, 2, 1), F(Real, 2, 3), F(Real, 2, 0)], ("axis", -1)),
        Linear("Concat", "first", [F(Real, 1, 3), F(Real, 2, 3)], ("axis", 0)),
        Linear("Slice", "step 2", [F(Real, 6, 3), Ints(1), Ints(100), Ints(0), Ints(2)]),
        Linear("Slice", "backwards", [F(Real, 4, 5), Ints(-1, 10), Ints(0, -100), Ints(0, 1), Ints(-1, -2)]),
        Linear("Slice", "empty", [F(Real, 4), Ints(3), Ints(1)]),
        Linear("Gather", "rows repeated", [F(Real, 4, 3), I([2, 2], 0, 3, -1, 0)]),
        Linear("Gather", "columns", [F(Real, 2, 4, 2), I([3], 1, 1, -4)], ("axis", 1)),
        Linear("Gather", "scalar index", [F(Real, 4), I([], 2)]),
        Linear("Cast", "float64 to float64", [F(Real, 3)], ("to", DataType.Float64)),
        Linear("Identity", "matrix", [F(Real, 2, 2)]),
        Case("Shape", "blocked", [F(Real, 2, 3)], ("start", -1)),
        Case("StopGradient", "blocked", [F(Real, 3)]),
        Case("Softmax", "last", [F(Real, 3, 4)]),
        Case("Softmax", "first", [F(Real, 3, 2, 2)], ("axis", 0)),
        Case("LogSoftmax", "last", [F(Real, 3, 4)]),
        Case("LogSoftmax", "middle", [F(Real, 2, 3, 2)], ("axis", 1)),
        Case("Attention", "plain", [F(Real, 1, 2, 3, 2), F(Real, 1, 2, 4, 2), F(Real, 1, 2, 4, 3)]),
        Case("Attention", "causal, scaled", [F(Real, 2, 1, 4, 3), F(Real, 2, 1, 4, 3), F(Real, 2, 1, 4, 2)], ("is_causal", 1), ("scale", 0.7)),
        Case("Attention", "numbers as mask", [F(Real, 1, 2, 2, 2), F(Real, 1, 2, 3, 2), F(Real, 1, 2, 3, 1), F(Real, 2, 1, 3)]),
        Case("Attention", "bool mask with a blind query", [F(Real, 1, 1, 3, 2), F(Real, 1, 1, 3, 2), F(Real, 1, 1, 3, 2), B([3, 3], true, false, true, false, false, false, false, true, true)]),
        Case("Attention", "several tiles", [F(Real, 1, 1, 130, 1), F(Real, 1, 1, 131, 1), F(Real, 1, 1, 131, 2)], ("is_causal", 1)),
        Case("LayerNormalization", "last", [F(Real, 3, 5), F(Real, 5), F(Real, 5)]),
        Case("LayerNormalization", "two axes, no shift", [F(Real, 2, 3, 4), F(Real, 3, 4)], ("axis", -2), ("epsilon", 1e-3)),
        Case("LayerNormalization", "scale broadcasts", [F(Real, 2, 3, 2), F(Real, 1), F(Real, 3, 1)], ("axis", 1), ("epsilon", 0.1)),
        Case("RMSNormalization", "last", [F(Real, 3, 5), F(Real, 5)]),
        Case("RMSNormalization", "all axes", [F(Real, 2, 3), F(Real, 2, 3)], ("axis", 0), ("epsilon", 0.5)),
        Linear("Dropout", "training", [F(Real, 5, 7), Scalar(0.25), B([], true)], ("seed", 7)),
        Linear("Dropout", "training at a step", [F(Real, 9), null, B([], true), I([], 3)], ("seed", -1)),
        Linear("Dropout", "inference", [F(Real, 3), Scalar(0.25)]),
        Case("MeanSquaredError", "mean", [F(Real, 2, 3), F(Real, 2, 3)]),
        Case("MeanSquaredError", "none", [F(Real, 4), F(Real, 4)], ("reduction", "none")),
        Case("SoftmaxCrossEntropy", "mean", [F(Real, 3, 4), I([3], 2, 0, 3)]),
        Case("SoftmaxCrossEntropy", "weighted, one ignored", [F(Real, 3, 4), I([3], 2, -100, 3), F(Positive, 4)]),
        Case("SoftmaxCrossEntropy", "weighted, smoothed, one ignored", [F(Real, 3, 4), I([3], 2, -100, 3), F(Positive, 4)], ("label_smoothing", 0.1)),
        Case("SoftmaxCrossEntropy", "images, sum", [F(Real, 2, 3, 2), I([2, 2], 0, 1, 2, 7)], ("reduction", "sum"), ("ignore_index", 7), ("label_smoothing", 0.2)),
        Case("SoftmaxCrossEntropy", "one sample, none", [F(Real, 4), I([], 1)], ("reduction", "none")),
        Case("BinaryCrossEntropyWithLogits", "mean", [F(Real, 2, 3), F(Unit, 2, 3)]),
        Case("BinaryCrossEntropyWithLogits", "weights, sum", [F(Real, 2, 3), F(Unit, 2, 3), F(Positive, 2, 1), F(Positive, 3)], ("reduction", "sum")),
    ];

    private static OpCase Case(string op, string name, CaseInput?[] inputs, params (string, object)[] attributes) => new(op, name, inputs, Attributes.Of(attributes));

    private static OpCase Linear(string op, string name, CaseInput?[] inputs, params (string, object)[] attributes) => new(op, name, inputs, Attributes.Of(attributes), Multilinear: true);

    private static OpCase[] Binary(string op, Domain left, Domain right, bool multilinear = false) =>
    [
        .. new (string Name, long[] A, long[] B)[]
        {
            ("same", [2, 3], [2, 3]), ("scalar right", [2, 3], []), ("leading and 1", [3, 1], [2, 3, 2]), ("row and column", [1, 3], [2, 1]), ("zero size", [0, 3], [1, 3]),
        }.Select(s => new OpCase(op, s.Name, [F(left, s.A), F(right, s.B)], Attributes.None, multilinear)),
    ];

    private static OpCase[] Reductions(string op, Domain domain, bool multilinear = false) =>
    [
        new(op, "all", [F(domain, 2, 3)], Attributes.None, multilinear),
        new(op, "first", [F(domain, 3, 4)], Attributes.Of(("axes", new long[] { 0 })), multilinear),
        new(op, "last", [F(domain, 3, 4)], Attributes.Of(("axes", new long[] { -1 }), ("keepdims", 0)), multilinear),
        new(op, "outer and inner", [F(domain, 2, 3, 4)], Attributes.Of(("axes", new long[] { 0, 2 })), multilinear),
        new(op, "size 1", [F(domain, 3, 1)], Attributes.Of(("axes", new long[] { 1 }), ("keepdims", 0)), multilinear),
        new(op, "scalar", [F(domain)], Attributes.None, multilinear),
    ];

    private static CaseInput F(Domain domain, params long[] shape) => new(new Shape(shape), domain);

    private static CaseInput Scalar(double value) => new(Shape.Scalar, Given: ConstantData.Scalar(DataType.Float64, value));

    private static CaseInput I(long[] shape, params long[] values) => new(new Shape(shape), Given: ConstantData.Of<long>(new Shape(shape), values));

    private static CaseInput Ints(params long[] values) => I([values.Length], values);

    private static CaseInput B(long[] shape, params bool[] values) => new(new Shape(shape), Given: ConstantData.Of<bool>(new Shape(shape), values));
}
