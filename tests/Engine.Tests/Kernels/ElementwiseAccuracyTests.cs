using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>
/// Bounds in units in the last place, as measured on these points, not proved. Exp and Log in float64 are compared
/// with System.Math whose own error is under 1 ulp; the others are compared with correctly rounded values.
/// float32 is compared with float64.
/// </summary>
public class ElementwiseAccuracyTests
{
    [Theory]
    [InlineData("Exp", -745.2, 709.9, 3)]
    [InlineData("Log", 1e-3, 3, 3)]
    [InlineData("Log", 0, 1e300, 3)]
    [InlineData("Sqrt", 0, 1e300, 0)]
    [InlineData("Tanh", -25, 25, 3)]
    [InlineData("Tanh", -1, 1, 3)]
    [InlineData("Sigmoid", -40, 40, 4)]
    public void Float64IsNearSystemMath(string name, double from, double to, double bound)
    {
        Func<double, double> reference = name switch
        {
            "Exp" => Math.Exp,
            "Log" => Math.Log,
            "Sqrt" => Math.Sqrt,
            "Tanh" => Math.Tanh,
            _ => x => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x)),
        };
        double[] x = Grid(from, to, 20_000);
        var y = new double[x.Length];
        ElementwiseCases.Unary<double>()[name](x, y);
        for (int i = 0; i < x.Length; i++)
            Assert.True(Ulp.Distance(reference(x[i]), y[i]) <= bound, $"{name}({x[i]:R}) = {y[i]:R}, expected {reference(x[i]):R}");
    }

    [Theory]
    [InlineData("Log1P", 2)]
    [InlineData("Softplus", 3)]
    [InlineData("Sigmoid", 3)]
    [InlineData("Tanh", 2)]
    [InlineData("Erf", 2)]
    [InlineData("Gelu", 6)]
    [InlineData("GeluDerivative", 6)]
    public void Float64IsNearTheExactValue(string name, double bound)
    {
        double[] expected = name switch
        {
            "Log1P" => ReferenceValues.Log1P,
            "Softplus" => ReferenceValues.Softplus,
            "Sigmoid" => ReferenceValues.Sigmoid,
            "Tanh" => ReferenceValues.Tanh,
            "Erf" => ReferenceValues.Erf,
            "Gelu" => ReferenceValues.Gelu,
            _ => ReferenceValues.GeluDerivative,
        };
        var y = new double[expected.Length];
        ElementwiseCases.Unary<double>()[name](ReferenceValues.X, y);
        for (int i = 0; i < y.Length; i++)
            Assert.True(Ulp.Distance(expected[i], y[i]) <= bound, $"{name}({ReferenceValues.X[i]:R}) = {y[i]:R}, expected {expected[i]:R}: {Ulp.Distance(expected[i], y[i])} ulp");
    }

    [Theory]
    [InlineData("Exp", -105, 90, 2)]
    [InlineData("Log", 1e-3, 1e4, 2)]
    [InlineData("Log1P", -0.999, 10, 1)]
    [InlineData("Sqrt", 0, 1e30, 0.5)]
    [InlineData("Tanh", -10, 10, 3)]
    [InlineData("Sigmoid", -100, 100, 4)]
    [InlineData("Softplus", -100, 100, 1)]
    public void Float32IsNearTheFloat64Formula(string name, double from, double to, double bound)
    {
        Func<double, double> reference = name switch
        {
            "Exp" => Math.Exp,
            "Log" => Math.Log,
            "Log1P" => x => Math.Abs(x) < 1e-4 ? x - x * x / 2 + x * x * x / 3 : Math.Log(1 + x),
            "Sqrt" => Math.Sqrt,
            "Tanh" => Math.Tanh,
            "Sigmoid" => x => 1 / (1 + Math.Exp(-x)),
            _ => x => x < -10 ? Math.Exp(x) * (1 - Math.Exp(x) / 2 + Math.Exp(2 * x) / 3) : Math.Log(1 + Math.Exp(-Math.Abs(x))) + Math.Max(x, 0),
        };
        float[] x = [.. Grid(from, to, 20_000).Select(v => (float)v)];
        var y = new float[x.Length];
        ElementwiseCases.Unary<float>()[name](x, y);
        for (int i = 0; i < x.Length; i++)
            Assert.True(Ulp.Distance(reference(x[i]), y[i]) <= bound, $"{name}({x[i]:R}) = {y[i]:R}, expected {(float)reference(x[i]):R}");
    }

    /// <summary>Every 211th encoding: 20 million numbers, subnormal ones of both signs, infinities and NaN among them.</summary>
    [Theory]
    [InlineData("Exp", 1.2)]
    [InlineData("Log", 1)]
    [InlineData("Sigmoid", 2.3)]
    [InlineData("Tanh", 2.3)]
    [InlineData("Erf", 1.5)]
    [InlineData("Gelu", 7.7)]
    [InlineData("GeluDerivative", 6.6)]
    [InlineData("Softplus", 0.6)]
    [InlineData("Log1P", 0.6)]
    public void Float32HoldsItsBoundOverAllNumbers(string name, double bound)
    {
        const int Stride = 211, Count = 65536;
        // What System.Math lacks is compared with the float64 loops, which other tests hold against values from outside.
        Unary<double> reference = name switch
        {
            "Exp" => Apply(Math.Exp),
            "Log" => Apply(Math.Log),
            "Tanh" => Apply(Math.Tanh),
            "Sigmoid" => Apply(x => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x))),
            _ => ElementwiseCases.Unary<double>()[name],
        };
        float[] x = new float[Count], y = new float[Count];
        double[] wide = new double[Count], expected = new double[Count];
        double worst = 0;
        float at = 0;
        for (long first = 0; first < 1L << 32; first += (long)Stride * Count)
        {
            for (int i = 0; i < Count; i++)
                wide[i] = x[i] = BitConverter.UInt32BitsToSingle((uint)(first + ((long)i * Stride)));
            ElementwiseCases.Unary<float>()[name](x, y);
            reference(wide, expected);
            for (int i = 0; i < Count; i++)
            {
                double distance = (float)expected[i] == y[i] ? 0 : double.IsNaN(expected[i]) && float.IsNaN(y[i]) ? 0 : Ulp.Distance(expected[i], y[i]);
                if (!(distance <= worst))
                    (worst, at) = (distance, x[i]);
            }
        }

        Assert.True(worst <= bound, $"{name}: {worst} ulp at {at:R}");

        static Unary<double> Apply(Func<double, double> function) => (from, to) =>
        {
            for (int i = 0; i < from.Length; i++)
                to[i] = function(from[i]);
        };
    }

    [Fact]
    public void Float32PowIsTheRoundedPower()
    {
        var random = new Random(12);
        float[] x = new float[500_000], y = new float[x.Length], z = new float[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = i % 2 == 0 ? BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)) : (float)Math.Exp(random.NextDouble() * 8 - 4) * (i % 3 == 0 ? -1 : 1);
            y[i] = i % 5 == 0 ? random.Next(-20, 20) : i % 7 == 0 ? BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)) : (float)(random.NextDouble() * 40 - 20);
        }

        Elementwise.Pow<float>(x, y, z);
        for (int i = 0; i < x.Length; i++)
        {
            double exact = Math.Pow(x[i], y[i]);
            Assert.True((float)exact == z[i] || (double.IsNaN(exact) && float.IsNaN(z[i])) || Ulp.Distance(exact, z[i]) <= 0.51, $"{x[i]:R}^{y[i]:R} = {z[i]:R}, expected {exact:R}");
        }
    }

    [Fact]
    public void FarNegativeSoftplusKeepsItsDigits()
    {
        // log1p(t) = t (1 − t/2 + …) with t = e^−30, so softplus(−30) is e^−30 to 14 digits less half of it.
        double t = Math.Exp(-30);
        double[] y = [-30];
        Elementwise.Softplus<double>(y, y);
        Assert.True(Ulp.Distance(t - t * t / 2, y[0]) <= 2);
    }

    private static double[] Grid(double from, double to, int count)
    {
        var random = new Random(10);
        return [.. Enumerable.Range(0, count).Select(i => from + (to - from) * (i + random.NextDouble()) / count)];
    }
}
