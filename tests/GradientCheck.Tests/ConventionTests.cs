using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using static Gradients.GradientCheck.Tests.Formula;

namespace Gradients.GradientCheck.Tests;

/// <summary>What derivatives are where functions are not smooth, at first and second order.</summary>
public class ConventionTests
{
    private const double Inf = double.PositiveInfinity;

    [Fact]
    public void Relu_has_derivative_0_at_0()
    {
        var f = new Formula(x => x[0].Relu(), [-1, 0, 2]);
        Assert.Equal([0, 0, 1], f.Gradient(0)!);
        Assert.Null(f.Second(0, 0));
        var squared = new Formula(x => x[0].Relu() * x[0].Relu(), [-1, 0, 2]);
        Assert.Equal([0, 0, 2], squared.Second(0, 0)!);
    }

    [Fact]
    public void A_masked_relu_is_differentiated_as_written()
    {
        // y = x with the cotangent masked by x < 0: 1 at 0.
        var f = new Formula(x => x[0].Less(0).Where(x[0].Number(0), x[0]), [-1, 0, 2]);
        Assert.Equal([0, 1, 1], f.Gradient(0)!);
    }

    [Fact]
    public void Abs_has_derivative_0_at_0()
    {
        var f = new Formula(x => x[0].Abs(), [-3, 0, -0.0, 2]);
        Assert.Equal([-1, 0, 0, 1], f.Gradient(0)!);
        Assert.Null(f.Second(0, 0));
    }

    /// <summary>The derivatives tend to 0 and 1, and a density of 0 meets no overflowed square.</summary>
    [Fact]
    public void Gelu_has_the_derivatives_that_it_tends_to()
    {
        var f = new Formula(x => Apply("Gelu", x), [-Inf, -1e200, 0, 1e200, Inf]);
        Assert.Equal([0, 0, 0.5, 1, 1], f.Gradient(0)!);
        var finite = new Formula(x => Apply("Gelu", x), [-1e200, 0, 1e200]);
        Numbers.Close([0, 0.7978845608028654, 0], finite.Second(0, 0)!, 1e-15, 0);
    }

    [Fact]
    public void A_mask_by_comparison_contributes_nothing_and_scales_the_rest()
    {
        var f = new Formula(x => x[0] * x[0].Greater(0).Cast(DataType.Float64), [-1, 2]);
        Assert.Equal([0, 1], f.Gradient(0)!);
    }

    [Theory]
    [InlineData("Max")]
    [InlineData("Min")]
    public void Ties_of_an_n_ary_extreme_share_equally(string op)
    {
        var f = new Formula(x => Apply(op, x), [1, 3], [1, 3], [1, 9]);
        double[] third = op == "Max" ? [1.0 / 3, 1] : [1.0 / 3, 0];
        double[] pair = op == "Max" ? [1.0 / 3, 0] : [1.0 / 3, 0.5];
        Assert.Equal(pair, f.Gradient(0)!);
        Assert.Equal(pair, f.Gradient(1)!);
        Assert.Equal(third, f.Gradient(2)!);
        var squared = new Formula(x => Apply(op, x) * Apply(op, x), [1], [1], [1]);
        Numbers.Close([2.0 / 9], squared.Second(0, 1)!, 1e-15, 0);
    }

    [Theory]
    [InlineData("ReduceMax")]
    [InlineData("ReduceMin")]
    public void Ties_of_a_reduced_extreme_share_equally_over_all_axes(string op)
    {
        // The tied elements lie in different slices of either axis, one slice holding two of them.
        double sign = op == "ReduceMax" ? 1 : -1;
        double[] values = [5, 5, 0, 5, 1, 2];
        var f = new Formula(x => Apply(op, [("axes", new long[] { 0, 2 }), ("keepdims", 0)], x[0]), ([2, 1, 3], [.. values.Select(v => sign * v)]));
        Numbers.Close([1.0 / 3, 1.0 / 3, 0, 1.0 / 3, 0, 0], f.Gradient(0)!, 1e-15, 0);
        var separate = new Formula(x => Apply(op, [("axes", new long[] { 1 })], x[0]), ([2, 3], [.. values.Select(v => sign * v)]));
        Assert.Equal([0.5, 0.5, 0, 1, 0, 0], separate.Gradient(0)!);
        Assert.Null(separate.Second(0, 0));
    }

    [Fact]
    public void Clip_has_the_inner_derivative_at_its_bounds()
    {
        var f = new Formula(x => Apply("Clip", x[0], x[0].Number(-1), x[0].Number(1)), [-2, -1, 0, 1, 2]);
        Assert.Equal([-1, -1, 0, 1, 1], f.Value);
        Assert.Equal([0, 1, 1, 1, 0], f.Gradient(0)!);
        Assert.Null(f.Second(0, 0));
        Assert.Equal([0, 2, 2, 2, 0], new Formula(x => Apply("Clip", x[0], x[0].Number(-1), x[0].Number(1)).Pow(2), [-2, -1, 0, 1, 2]).Second(0, 0)!);
    }

    [Fact]
    public void A_power_of_0_has_value_1_and_derivative_0_at_0()
    {
        var f = new Formula(x => x[0].Pow(x[1]), [0, 0, 2], [0, 2, 0]);
        Assert.Equal([1, 0, 1], f.Value);
        Assert.Equal([0, 0, 0], f.Gradient(0)!);
        Assert.Equal([0, 2, 0], f.Second(0, 0)!);
    }

    [Fact]
    public void The_derivative_by_the_exponent_is_0_at_base_0()
    {
        var f = new Formula(x => x[0].Pow(x[1]), [0, 0, 0], [0.5, 1, 3]);
        Assert.Equal([0, 0, 0], f.Gradient(1)!);
        Assert.Equal([0, 0, 0], f.Second(1, 1)!);
        Assert.Equal([0, 0, 0], f.Second(1, 0)!);
    }

    [Fact]
    public void Poles_give_what_IEEE_arithmetic_gives()
    {
        var root = new Formula(x => x[0].Sqrt(), [0, -1]);
        Assert.Equal([Inf, double.NaN], root.Gradient(0)!);
        var log = new Formula(x => x[0].Log(), [0]);
        Assert.Equal([-Inf], log.Value);
        Assert.Equal([Inf], log.Gradient(0)!);
        Assert.Equal([-Inf], log.Second(0, 0)!);
        var power = new Formula(x => x[0].Pow(0.5), [0]);
        Assert.Equal([Inf], power.Gradient(0)!);
        Assert.Equal([-Inf], new Formula(x => x[0].Pow(-1), [0]).Gradient(0)!.Select(v => Math.Sign(v) * Inf).ToArray());
    }

    [Fact]
    public void Reciprocal_is_IEEE_at_its_pole_and_at_infinity()
    {
        var f = new Formula(x => Apply("Reciprocal", x), [0, -0.0, Inf, -Inf, double.NaN, -2]);
        Assert.Equal([Inf, -Inf, 0, 0, double.NaN, -0.5], f.Value);
        Assert.True(double.IsNegative(f.Value[3]));
        Assert.Equal([-Inf, -Inf, 0, 0, double.NaN, -0.25], f.Gradient(0)!);
        Assert.Equal([Inf, -Inf, 0, 0, double.NaN, -0.25], f.Second(0, 0)!);
    }

    [Fact]
    public void LogSumExp_of_minus_infinities_has_gradient_0()
    {
        var f = new Formula(x => Apply("ReduceLogSumExp", [("axes", new long[] { 1 })], x[0]), ([2, 2], [-Inf, -Inf, 0, -Inf]));
        Assert.Equal([-Inf, 0], f.Value);
        Assert.Equal([0, 0, 1, 0], f.Gradient(0)!);
        Assert.Equal([0, 0, 0, 0], f.Second(0, 0)!);
    }

    [Fact]
    public void LogSumExp_shares_the_gradient_among_plus_infinities()
    {
        var f = new Formula(x => Apply("ReduceLogSumExp", [("axes", new long[] { 1 })], x[0]), ([2, 3], [Inf, 1, Inf, 800, -Inf, 800]));
        Assert.Equal([Inf, 800 + Math.Log(2)], f.Value);
        // e^(x − y) has the absolute rounding error of y, here 800 · 2^−53.
        Numbers.Close([0.5, 0, 0.5, 0.5, 0, 0.5], f.Gradient(0)!, 0, 1e-13);
        Numbers.Close([0, 0, 0, 0, 0, 0], f.Second(0, 0)!, 0, 1e-13);
    }

    [Fact]
    public void A_softmax_of_minus_infinities_is_NaN()
    {
        Assert.Equal([double.NaN, double.NaN, 1, 0], new Formula(x => Apply("Softmax", x), ([2, 2], [-Inf, -Inf, 0, -Inf])).Value);
    }

    [Fact]
    public void A_branch_not_taken_gets_exactly_0()
    {
        // The cotangent is infinite: a product with the condition would give NaN.
        var f = new Formula(x => x[0].Greater(0).Where(x[0], x[1]) * double.PositiveInfinity, [1, -1], [5, 6]);
        Assert.Equal([Inf, 0], f.Gradient(0)!);
        Assert.Equal([0, Inf], f.Gradient(1)!);
    }

    [Fact]
    public void Rules_before_a_where_are_IEEE_and_the_double_where_guards_them()
    {
        var plain = new Formula(x => x[0].Greater(0).Where(x[0].Sqrt(), x[0].Number(0)), [-1, 4]);
        Assert.Equal([double.NaN, 0.25], plain.Gradient(0)!);
        var guarded = new Formula(x => x[0].Greater(0).Where(x[0].Greater(0).Where(x[0], x[0].Number(1)).Sqrt(), x[0].Number(0)), [-1, 4]);
        Assert.Equal([0, 0.25], guarded.Gradient(0)!);
        Assert.Equal([0, -1.0 / 32], guarded.Second(0, 0)!);
    }

    [Fact]
    public void Without_a_path_a_gradient_is_absent()
    {
        var f = new Formula(x => x[0] * x[1].StopGradient() * x[1].Sign(), [1], [2]);
        Assert.Equal([2], f.Gradient(0)!);
        Assert.Null(f.Gradient(1));
    }

    [Fact]
    public void Duplicate_indices_add_up()
    {
        var f = new Formula(x => Apply("Gather", x[0], x[0].Builder.Ints(1, 1, -1, 0)) * x[1], [10, 20, 30], [1, 2, 3, 4]);
        Assert.Equal([4, 3, 3], f.Gradient(0)!);
    }

    [Fact]
    public void Both_inputs_of_one_node_are_summed()
    {
        var f = new Formula(x => x[0] * x[0] + x[0], [3]);
        Assert.Equal([7], f.Gradient(0)!);
        Assert.Equal([2], f.Second(0, 0)!);
    }

    [Fact]
    public void Saved_outputs_stay_connected()
    {
        var t = Math.Tanh(0.5);
        Numbers.Close([-2 * t * (1 - (t * t))], new Formula(x => x[0].Tanh(), [0.5]).Second(0, 0)!, 1e-14, 0);
        Numbers.Close([Math.Exp(0.5)], new Formula(x => x[0].Exp(), [0.5]).Second(0, 0)!, 1e-14, 0);
        Numbers.Close([-0.25 / Math.Pow(0.5, 1.5)], new Formula(x => x[0].Sqrt(), [0.5]).Second(0, 0)!, 1e-14, 0);
        var s = 1 / (1 + Math.Exp(-0.5));
        Numbers.Close([s * (1 - s) * (1 - (2 * s))], new Formula(x => x[0].Sigmoid(), [0.5]).Second(0, 0)!, 1e-14, 0);
    }

    [Fact]
    public void The_first_of_equal_elements_takes_the_gradient_of_a_max_pool()
    {
        (string, object)[] pairs = [("kernel_shape", new long[] { 2 })];
        var f = new Formula(x => Apply("MaxPool", pairs, x[0]), ([1, 1, 4], [3, 3, 3, 1]));
        Assert.Equal([3, 3, 3], f.Value);
        Assert.Equal([1, 1, 1, 0], f.Gradient(0)!);
        Assert.Null(f.Second(0, 0));
        var squared = new Formula(x => Apply("MaxPool", pairs, x[0]).Pow(2), ([1, 1, 4], [3, 3, 3, 1]));
        Assert.Equal([2, 2, 2, 0], squared.Second(0, 0)!);
    }

    [Fact]
    public void The_first_NaN_of_a_window_is_its_maximum_and_infinities_are_numbers()
    {
        var f = new Formula(x => Apply("MaxPool", [("kernel_shape", new long[] { 3 }), ("strides", new long[] { 3 })], x[0]), ([1, 1, 9], [1, double.NaN, double.NaN, -Inf, -Inf, -Inf, 1, Inf, 2]));
        Assert.Equal([double.NaN, -Inf, Inf], f.Value);
        Assert.Equal([0, 1, 0, 1, 0, 0, 0, 1, 0], f.Gradient(0)!);
    }

    [Fact]
    public void A_window_outside_the_input_has_no_maximum_and_no_gradient()
    {
        // Elements −2 and 1 of an input of one.
        var f = new Formula(x => Apply("MaxPool", [("kernel_shape", new long[] { 2 }), ("dilations", new long[] { 3 }), ("pads", new long[] { 2, 1 })], x[0]).Exp(), ([1, 1, 1], [0.5]));
        Assert.Equal([0], f.Value);
        Assert.Equal([0], f.Gradient(0)!);
        Assert.Equal([0], f.Second(0, 0)!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_query_that_sees_no_key_gives_0_and_no_gradient(bool isBoolean)
    {
        var f = new Formula(
            x => Apply("Attention", x[0], x[1], x[2], isBoolean ? x[3].Equal(0) : x[3]),
            ([1, 1, 2, 1], [1, 2]), ([1, 1, 2, 1], [3, 4]), ([1, 1, 2, 1], [5, 6]), ([2, 2], [-Inf, -Inf, 0, -Inf]));
        Assert.Equal([0, 5], f.Value);
        Assert.Equal([0, 0], f.Gradient(0)!);
        Assert.Equal([0, 0], f.Gradient(1)!);
        Assert.Equal([1, 0], f.Gradient(2)!);
        if (!isBoolean)
            Assert.Equal([0, 0, 0, 0], f.Gradient(3)!);
        Assert.Equal([0, 0], f.Second(0, 1)!);
        Assert.Equal([0, 0], f.Second(0, 2)!);
    }

    [Fact]
    public void Dropouts_gradient_has_its_mask_and_scale()
    {
        double[] ones = [.. Enumerable.Repeat(1.0, 200)];
        Formula Dropped(long seed, long step) => new(x => Apply("Dropout", [("seed", seed)], x[0], x[0].Number(0.75), x[0].Builder.Scalar(DataType.Bool, 1), x[0].Builder.Scalar(DataType.Int64, step)), ones);
        var f = Dropped(5, 0);
        Assert.Equal([0, 4], f.Value.Distinct().Order());
        Assert.Equal(f.Value, f.Gradient(0)!);
        Assert.Equal(f.Value, Dropped(5, 0).Value);
        Assert.NotEqual(f.Value, Dropped(5, 1).Value);
        Assert.NotEqual(f.Value, Dropped(6, 0).Value);
    }

    [Fact]
    public void A_constant_row_is_normalized_to_0()
    {
        var f = new Formula(x => Apply("LayerNormalization", [("epsilon", 0.25)], x[0], x[0].Number(3)), [7, 7, 7, 7]);
        Assert.Equal([0, 0, 0, 0], f.Value);
        Assert.Equal([0, 0, 0, 0], f.Gradient(0)!);
        // Without an epsilon it is 0/0.
        Assert.All(new Formula(x => Apply("LayerNormalization", [("epsilon", 0.0)], x[0], x[0].Number(3)), [7, 7]).Value, v => Assert.True(double.IsNaN(v)));
    }

    [Fact]
    public void The_norm_at_0_has_the_gradient_0()
    {
        var f = new Formula(x => Apply("ReduceL2", x), [0, 0]);
        Assert.Equal([0], f.Value);
        Assert.Equal([0, 0], f.Gradient(0)!);
        Assert.Equal([0, 0], f.Second(0, 0)!);
        Numbers.Close([0.6, 0.8], new Formula(x => Apply("ReduceL2", x), [3, 4]).Gradient(0)!, 1e-15, 1e-15);
        Assert.Equal([0, -1], new Formula(x => Apply("ReduceL1", x), [0, -2]).Gradient(0)!);
    }
}
