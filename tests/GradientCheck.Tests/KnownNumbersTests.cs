using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using static Gradients.GradientCheck.Tests.Formula;

namespace Gradients.GradientCheck.Tests;

/// <summary>Literal values from outside: the tutorial, micrograd's example and PyTorch.</summary>
public class KnownNumbersTests
{
    [Fact]
    public void Linear_regression_has_the_tutorials_loss_and_true_gradients()
    {
        var f = new Formula(
            v => (v[1] * v[0] + v[2] - v[3]).Pow(2).Mean(),
            ([3], [1, 2, 3]), ([], [2]), ([], [1]), ([3], [6, 9, 12]));
        Numbers.Close([16.6667], f.Value, 0, 5e-5);
        Numbers.Close([-17.3333], f.Gradient(1)!, 0, 5e-5);
        Numbers.Close([-8.0], f.Gradient(2)!, 1e-14, 0);
        Numbers.Close([-4, -5.3333, -6.6667], f.Gradient(0)!, 0, 5e-5);
        var mse = new Formula(v => Apply("MeanSquaredError", v[0] * 2 + 1, v[1]), ([3], [1, 2, 3]), ([3], [6, 9, 12]));
        Numbers.Close([16.6667], mse.Value, 0, 5e-5);
    }

    [Fact]
    public void Sigmoid_has_slope_a_quarter_at_0() =>
        Assert.Equal([0.25], new Formula(x => x[0].Sigmoid(), [0]).Gradient(0)!);

    [Fact]
    public void Softmax_has_the_tutorials_jacobian_row()
    {
        var f = new Formula(x => Apply("Gather", Apply("Softmax", x), x[0].Builder.Ints(0)), [1, 2, 3]);
        Numbers.Close([.0819250691, -.0220330445, -.0598920245], f.Gradient(0)!, 0, 5e-11);
    }

    [Fact]
    public void Micrograds_example_has_its_published_numbers()
    {
        static Node Expression(Node[] x)
        {
            var (a, b) = (x[0], x[1]);
            var c = a + b;
            var d = a * b + b.Pow(3);
            c = c + (c + 1);
            c = c + (1 + c + (-a));
            d = d + (d * 2 + (b + a).Relu());
            d = d + (3 * d + (b - a).Relu());
            var e = c - d;
            var f = e.Pow(2);
            var g = f / 2.0;
            return g + (10.0 / f);
        }

        var formula = new Formula(Expression, [-4.0], [2.0]);
        Numbers.Close([24.7041], formula.Value, 0, 5e-5);
        Numbers.Close([138.8338], formula.Gradient(0)!, 0, 5e-5);
        Numbers.Close([645.5773], formula.Gradient(1)!, 0, 5e-5);
    }

    private static Formula CrossEntropy(double[] logits, long[] classes, double[]? weights, params (string, object)[] attributes) => new(
        x => Apply("SoftmaxCrossEntropy", attributes, x[0], x[0].Builder.Constant(ConstantData.Of<long>(new Shape(classes.Length), classes)), weights is null ? null : x[1]),
        ([classes.Length, logits.Length / classes.Length], logits), (weights is null ? [0] : [weights.Length], weights ?? []));

    [Fact]
    public void Cross_entropy_has_PyTorchs_values()
    {
        double[] logits = [1, 2, 3, 1, 1, 1, 0, 0, 5];
        Numbers.Close([1.5590509487636477], CrossEntropy(logits, [2, -100, 0], [1, 2, 3]).Value, 1e-15, 0);
        Numbers.Close([1.5825287805289077], CrossEntropy(logits, [2, -100, 0], [1, 2, 3], ("label_smoothing", 0.1)).Value, 1e-15, 0);
    }

    [Fact]
    public void Cross_entropy_of_ignored_classes_only_is_NaN_with_gradient_0()
    {
        var f = CrossEntropy([1, 2, 3, 4], [-100, -100], [1, 2], ("label_smoothing", 0.1));
        Assert.Equal([double.NaN], f.Value);
        Assert.Equal([0, 0, 0, 0], f.Gradient(0)!);
        Assert.Equal([0, 0], f.Gradient(1)!);
        Assert.Equal([0, 0, 0, 0], f.Second(0, 0)!);
        Assert.Equal([0], CrossEntropy([1, 2, 3, 4], [-100, -100], null, ("reduction", "sum")).Value);
    }

    [Fact]
    public void Cross_entropy_takes_impossible_classes_and_ignored_rows_of_any_content()
    {
        var f = CrossEntropy([0, double.NegativeInfinity, 0, 7, double.NegativeInfinity, 7], [2, -100], null);
        Numbers.Close([Math.Log(2)], f.Value, 1e-15, 0);
        Numbers.Close([0.5, 0, -0.5, 0, 0, 0], f.Gradient(0)!, 1e-15, 0);
        Assert.All(f.Second(0, 0)!, v => Assert.Equal(0, v, 15));
    }

    [Fact]
    public void Binary_cross_entropy_is_accurate_in_both_tails()
    {
        var f = new Formula(x => Apply("BinaryCrossEntropyWithLogits", [("reduction", "none")], x[0], x[1]), [-50, 50, 1000, -1000, 0], [0, 1, 0, 1, 0.5]);
        Numbers.Close([1.9287498479639178e-22, 1.9287498479639178e-22, 1000, 1000, Math.Log(2)], f.Value, 1e-14, 0);
        Numbers.Close([1.9287498479639178e-22, -1.9287498479639178e-22, 1, -1, 0], f.Gradient(0)!, 1e-14, 0);
    }
}
