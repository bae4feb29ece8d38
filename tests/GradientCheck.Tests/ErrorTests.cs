using Gradients.Engine;
using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;
using static Gradients.GradientCheck.Tests.Formula;

namespace Gradients.GradientCheck.Tests;

/// <summary>What is refused, with reason and shapes.</summary>
public class ErrorTests
{
    private static readonly GraphBuilder Builder = new();

    private static Node Input(DataType type, params long[] shape) => Builder.Input(type, new Shape(shape), 0);

    private static Node Real(params long[] shape) => Input(DataType.Float64, shape);

    private static GradientsException Refused(string reason, Func<object?> action)
    {
        var e = Assert.Throws<GradientsException>(() => { action(); });
        Assert.Equal(reason, e.Reason);
        return e;
    }

    [Fact]
    public void Shapes_that_do_not_broadcast_are_named()
    {
        var e = Refused(ErrorReasons.ShapeMismatch, () => Real(2, 3) + Real(4));
        Assert.Contains("float64[2, 3], float64[4]", e.Message, StringComparison.Ordinal);
        Assert.Equal("float64[2, 3], float64[4]", e.Metadata["shapes"]);
        Assert.Equal("Add", e.Metadata["op"]);
    }

    public static TheoryData<string, string> Mismatches => new()
    {
        { "MatMul", "[2, 3] and [4, 5]" },
        { "MatMul scalar", "scalar" },
        { "MatMul batch", "leading dimensions" },
        { "Gemm", "inner dimensions" },
        { "Gemm C", "does not broadcast to [2, 4]" },
        { "Reshape", "6 elements do not fill [4, 2]" },
        { "Reshape infer", "cannot be inferred" },
        { "Concat", "differ outside axis 0" },
        { "MeanSquaredError", "same shape" },
        { "SoftmaxCrossEntropy", "classes [3]" },
        { "ReduceMax", "empty axis" },
        { "Squeeze", "is not 1" },
        { "Expand", "do not broadcast" },
    };

    [Theory]
    [MemberData(nameof(Mismatches))]
    public void Shape_rules_say_what_does_not_fit(string what, string message)
    {
        var e = Refused(ErrorReasons.ShapeMismatch, () => what switch
        {
            "MatMul" => Apply("MatMul", Real(2, 3), Real(4, 5)),
            "MatMul scalar" => Apply("MatMul", Real(), Real(4, 5)),
            "MatMul batch" => Apply("MatMul", Real(2, 4, 5), Real(3, 5, 4)),
            "Gemm" => Apply("Gemm", Real(2, 3), Real(4, 3)),
            "Gemm C" => Apply("Gemm", Real(2, 3), Real(3, 4), Real(5, 1, 1)),
            "Reshape" => Apply("Reshape", Real(2, 3), Builder.Ints(4, 2)),
            "Reshape infer" => Apply("Reshape", Real(2, 3), Builder.Ints(4, -1)),
            "Concat" => Apply("Concat", [("axis", 0)], Real(2, 3), Real(2, 4)),
            "MeanSquaredError" => Apply("MeanSquaredError", Real(3), Real(3, 1)),
            "SoftmaxCrossEntropy" => Apply("SoftmaxCrossEntropy", Real(2, 3), Builder.Ints(1, 2, 0)),
            "ReduceMax" => Apply("ReduceMax", Real(2, 0)),
            "Squeeze" => Apply("Squeeze", Real(2, 1), Builder.Ints(0)),
            _ => Apply("Expand", Real(2), Builder.Ints(3)),
        });
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(e.Metadata["shapes"]);
    }

    [Fact]
    public void Types_are_not_promoted()
    {
        var e = Refused(ErrorReasons.DataTypeMismatch, () => Real(2) + Input(DataType.Float32, 2));
        Assert.Contains("float64[2]", e.Message, StringComparison.Ordinal);
        Assert.Contains("float32[2]", e.Message, StringComparison.Ordinal);
        Refused(ErrorReasons.DataTypeMismatch, () => Builder.Ints(1) / Builder.Ints(2));
        Refused(ErrorReasons.DataTypeMismatch, () => Builder.Ints(1).Where(Real(1), Real(1)));
        Assert.Equal(DataType.Float32, (Input(DataType.Float32, 2) * Builder.Scalar(DataType.Float64, 2)).DataType);
        Assert.Equal(DataType.Float32, Input(DataType.Float32, 2).Pow(Real(2)).DataType);
    }

    [Fact]
    public void Indices_outside_their_axis_are_refused_when_they_are_read()
    {
        var gather = Refused(ErrorReasons.IndexOutOfRange, () => Interpreter.Evaluate(Apply("Gather", Real(3), Builder.Ints(0, 3)), Numbers.Data(new Shape(3), [1, 2, 3])));
        Assert.Equal(ErrorCode.OutOfRange, gather.Code);
        Refused(ErrorReasons.IndexOutOfRange, () => Interpreter.Evaluate(Apply("SoftmaxCrossEntropy", Real(1, 3), Builder.Ints(3)), Numbers.Data(new Shape(1, 3), [1, 2, 3])));
        Refused(ErrorReasons.IndexOutOfRange, () => Interpreter.Evaluate(Apply("SoftmaxCrossEntropy", Real(1, 3), Builder.Ints(-1)), Numbers.Data(new Shape(1, 3), [1, 2, 3])));
    }

    [Fact]
    public void Backward_of_a_tensor_needs_a_cotangent_of_its_type()
    {
        var x = Real(2);
        Refused(ErrorReasons.CotangentRequired, () => ReverseMode.Gradients([x * 2], [], [x]));
        Refused(ErrorReasons.ShapeMismatch, () => ReverseMode.Gradients([x * 2], [Real(3)], [x]));
        Refused(ErrorReasons.DataTypeMismatch, () => ReverseMode.Gradients([x * 2], [Input(DataType.Float32, 2)], [x]));
    }

    [Fact]
    public void Integers_have_no_gradient()
    {
        var i = Input(DataType.Int64, 2);
        Refused(ErrorReasons.NotDifferentiableType, () => ReverseMode.Gradients([i.Cast(DataType.Float64).Sum()], [], [i]));
        Refused(ErrorReasons.NotDifferentiableType, () => ReverseMode.Gradients([i.Sum()], [], [Real(2)]));
    }

    [Fact]
    public void Shapes_from_fed_data_are_refused() =>
        Refused(ErrorReasons.DynamicShape, () => Apply("Reshape", Real(2), Input(DataType.Int64, 1)));

    [Theory]
    [InlineData("Transpose")]
    [InlineData("Softmax")]
    [InlineData("Slice")]
    [InlineData("Gelu")]
    [InlineData("MeanSquaredError")]
    [InlineData("SoftmaxCrossEntropy")]
    [InlineData("AveragePool")]
    public void Attributes_outside_their_range_are_refused(string op) => Refused(ErrorReasons.InvalidAttribute, () => op switch
    {
        "Transpose" => Apply(op, [("perm", new long[] { 0, 0 })], Real(2, 3)),
        "Softmax" => Apply(op, [("axis", 2)], Real(2, 3)),
        "Slice" => Apply(op, Real(2), Builder.Ints(0), Builder.Ints(1), Builder.Ints(0), Builder.Ints(0)),
        "Gelu" => Apply(op, [("approximate", "erf")], Real(2)),
        "MeanSquaredError" => Apply(op, [("reduction", "median")], Real(2), Real(2)),
        "AveragePool" => Apply(op, [("kernel_shape", new long[] { 257, 256 }), ("pads", new long[] { 256, 255, 0, 0 })], Real(1, 1, 1, 1)),
        _ => Apply(op, [("label_smoothing", 1.5)], Real(1, 2), Builder.Ints(0)),
    });

    /// <summary>A result of 2^31 elements is refused where its memory is reserved; what is made before that does not grow with it.</summary>
    [Theory]
    [InlineData("AveragePool")]
    [InlineData("MaxPool")]
    public void A_small_request_for_a_large_pool_costs_little_to_build(string op)
    {
        var x = Real(1, 1, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var y = Apply(op, [("kernel_shape", new long[] { 2 }), ("pads", new long[] { 1 << 30, (1 << 30) - 3 })], x);
        Assert.Equal(int.MaxValue - 2, y.Shape[2]);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
    }

    [Fact]
    public void Missing_and_superfluous_inputs_are_counted()
    {
        Refused(ErrorReasons.InputCountMismatch, () => Apply("Add", Real(2)));
        Refused(ErrorReasons.InputCountMismatch, () => Apply("Relu", Real(2), Real(2)));
    }
}
