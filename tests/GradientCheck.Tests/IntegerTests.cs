using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;
using static Gradients.GradientCheck.Tests.Formula;

namespace Gradients.GradientCheck.Tests;

/// <summary>int64 and bool through the ops that take them.</summary>
public class IntegerTests
{
    private static readonly GraphBuilder Builder = new();

    private static Node Bools(params bool[] values) => Builder.Constant(ConstantData.Of<bool>(new Shape(values.Length), values));

    private static double[] Value(Node node) => Numbers.Doubles(Interpreter.Evaluate(node, []));

    [Fact]
    public void Arithmetic_of_integers()
    {
        Node a = Builder.Ints(7, -2, 0), b = Builder.Ints(2, 5, -3);
        Assert.Equal([9, 3, -3], Value(a + b));
        Assert.Equal([5, -7, 3], Value(a - b));
        Assert.Equal([14, -10, 0], Value(a * b));
        Assert.Equal([-7, 2, 0], Value(-a));
        Assert.Equal([7, 2, 0], Value(a.Abs()));
        Assert.Equal([1, -1, 0], Value(a.Sign()));
        Assert.Equal([7, 5, 0], Value(a.Max(b)));
        Assert.Equal([2, -2, -3], Value(a.Min(b)));
        Assert.Equal([2, 0, 0], Value(Apply("Clip", a, Builder.Scalar(DataType.Int64, 0), Builder.Scalar(DataType.Int64, 2))));
        Assert.Equal([7, -2, 0], Value(Apply("Clip", a)));
        Assert.Equal([0, 1, 0], Value(a.Less(b)));
        Assert.Equal([1, 0, 1], Value(a.Greater(b)));
        Assert.Equal([2, -2, -3], Value(a.Less(b).Where(a, b)));
        Assert.Equal([5], Value(Apply("ReduceSum", [("keepdims", 0)], a)));
        Assert.Equal([7], Value(Apply("ReduceMax", [("keepdims", 0)], a)));
        Assert.Equal([-2], Value(Apply("ReduceMin", [("keepdims", 0)], a)));
    }

    [Fact]
    public void Moves_of_integers_and_booleans()
    {
        Assert.Equal([1, 2, 3], Value(Apply("Concat", [("axis", 0)], Builder.Ints(1, 2), Builder.Ints(3))));
        Assert.Equal([1, 0], Value(Apply("Gather", Bools(true, false, true), Builder.Ints(2, 1))));
        Assert.Equal([0, 1], Value(Apply("Slice", Bools(true, false, true), Builder.Ints(1), Builder.Ints(3))));
        Assert.Equal([1, 0, 1, 0], Value(Apply("Expand", Bools(true, false), Builder.Ints(2, 2))));
        Assert.Equal([1, 0], Value(Bools(true, false).Equal(Bools(true, true))));
    }

    [Fact]
    public void Casts_between_all_types()
    {
        var reals = Builder.Constant(ConstantData.Of<double>(new Shape(5), [-1.9, 0, 1e30, double.NaN, -0.0]));
        Assert.Equal([-1, 0, long.MaxValue, 0, 0], Value(reals.Cast(DataType.Int64)));
        Assert.Equal([1, 0, 1, 1, 0], Value(reals.Cast(DataType.Bool)));
        Assert.Equal([1, 0], Value(Bools(true, false).Cast(DataType.Float32)));
        Assert.Equal([3, -4], Value(Builder.Ints(3, -4).Cast(DataType.Float32).Cast(DataType.Float64)));
        Assert.Equal(DataType.Float32, Builder.Ints(3).Cast(DataType.Float32).DataType);
    }

    [Fact]
    public void Shapes_are_computed_from_shapes()
    {
        var x = Builder.Input(DataType.Float32, new Shape(2, 3, 4), 0);
        var rows = Apply("Concat", [("axis", 0)], Apply("Shape", [("end", 1)], x), Builder.Ints(-1));
        Assert.Equal(new Shape(2, 12), Apply("Reshape", x, rows).Shape);
    }
}
