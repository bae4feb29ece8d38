using System.Numerics;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public class ElementwiseSpecialValueTests
{
    private const double Inf = double.PositiveInfinity;
    private const double NaN = double.NaN;

    [Theory]
    [InlineData("Exp", new[] { 1, 1, 0, Inf, NaN })]
    [InlineData("Log", new[] { -Inf, -Inf, NaN, Inf, NaN })]
    [InlineData("Log1P", new[] { 0, -0.0, NaN, Inf, NaN })]
    [InlineData("Sqrt", new[] { 0, -0.0, NaN, Inf, NaN })]
    [InlineData("Sigmoid", new[] { 0.5, 0.5, 0, 1, NaN })]
    [InlineData("Tanh", new[] { 0, -0.0, -1, 1, NaN })]
    [InlineData("Softplus", new[] { 0.6931471805599453, 0.6931471805599453, 0, Inf, NaN })]
    [InlineData("Erf", new[] { 0, -0.0, -1, 1, NaN })]
    [InlineData("Gelu", new[] { 0, -0.0, -0.0, Inf, NaN })]
    [InlineData("GeluDerivative", new[] { 0.5, 0.5, -0.0, 1, NaN })]
    [InlineData("Relu", new[] { 0, 0, 0, Inf, NaN })]
    [InlineData("Abs", new[] { 0, 0, Inf, Inf, NaN })]
    [InlineData("Neg", new[] { -0.0, 0, Inf, -Inf, NaN })]
    [InlineData("Sign", new[] { 0, 0, -1, 1, NaN })]
    public void ZerosInfinitiesAndNaN(string name, double[] expected)
    {
        Check<double>(name, expected);
        Check<float>(name, expected);
    }

    [Fact]
    public void SubnormalsAreNotFlushed()
    {
        double[] x = [double.Epsilon, 1e-310, -1e-310], y = new double[3];
        Elementwise.Log<double>(x, y);
        Assert.Equal(Math.Log(double.Epsilon), y[0], 1e-12);
        Assert.Equal(Math.Log(1e-310), y[1], 1e-12);
        Assert.Equal(NaN, y[2]);
        foreach (string name in new[] { "Log1P", "Tanh", "Neg", "Abs" })
        {
            ElementwiseCases.Unary<double>()[name](x, y);
            Assert.Equal(1e-310, Math.Abs(y[1]));
        }

        float[] s = [float.Epsilon, 1e-40f], t = new float[2];
        Elementwise.Log<float>(s, t);
        Assert.Equal(MathF.Log(float.Epsilon), t[0], 1e-5f);
        Assert.Equal(MathF.Log(1e-40f), t[1], 1e-5f);
    }

    [Fact]
    public void MaxAndMinFollowIeee2019()
    {
        double[] x = [0, -0.0, NaN, 1, -Inf], y = [-0.0, 0, 1, NaN, Inf], z = new double[5];
        Elementwise.Max<double>(x, y, z);
        Assert.Equal([0, 0, NaN, NaN, Inf], z);
        Assert.Equal([false, false], z[..2].Select(double.IsNegative));
        Elementwise.Min<double>(x, y, z);
        Assert.Equal([0, 0, NaN, NaN, -Inf], z);
        Assert.Equal([true, true], z[..2].Select(double.IsNegative));
    }

    [Fact]
    public void PowFollowsIeee()
    {
        double[] x = [NaN, 0, Inf, 1, -2, -8, -0.0, 2, 3, NaN], y = [0, 0, 0, NaN, 3, 1.0 / 3, -1, 10, 2, 2], z = new double[10];
        Elementwise.Pow<double>(x, y, z);
        Assert.Equal([1, 1, 1, 1, -8, NaN, -Inf, 1024, 9, NaN], z);
        double[] special = [0, -0.0, 1, -1, Inf, -Inf, NaN, 0.5, -0.5, 2, -2, 3, -3];
        foreach (double b in special)
        {
            foreach (double e in special)
            {
                Elementwise.Pow<double>([b], [e], z.AsSpan(0, 1));
                Assert.Equal(Math.Pow(b, e), z[0], 1e-15);
                float[] single = new float[1];
                Elementwise.Pow<float>([(float)b], [(float)e], single);
                Assert.Equal(float.Pow((float)b, (float)e), single[0], 1e-6f);
                Assert.True(float.IsNaN(single[0]) || float.IsNegative(single[0]) == double.IsNegative(Math.Pow(b, e)), $"{b}^{e} = {single[0]}");
            }
        }
    }

    private static void Check<T>(string name, double[] expected)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] x = [T.Zero, T.NegativeZero, T.NegativeInfinity, T.PositiveInfinity, T.NaN], y = new T[5];
        ElementwiseCases.Unary<T>()[name](x, y);
        for (int i = 0; i < x.Length; i++)
        {
            T e = T.CreateTruncating(expected[i]);
            bool same = T.IsNaN(e) ? T.IsNaN(y[i]) : T.Abs(e - y[i]) <= T.CreateTruncating(1e-7) || e == y[i];
            Assert.True(same && (T.IsNaN(e) || T.IsNegative(e) == T.IsNegative(y[i])), $"{name}({x[i]}) = {y[i]}, expected {e}");
        }
    }
}
