using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.GradientCheck.Tests;

/// <summary>Moves numbers in and out of constants.</summary>
internal static class Numbers
{
    public static ConstantData Data(Shape shape, double[] values) => ConstantData.Of<double>(shape, values);

    public static ConstantData Data(DataType type, Shape shape, double[] values) =>
        type == DataType.Float64 ? Data(shape, values) : ConstantData.Of<float>(shape, Array.ConvertAll(values, v => (float)v));

    public static double[] Doubles(ConstantData data) => data.DataType switch
    {
        DataType.Float64 => data.As<double>().ToArray(),
        DataType.Float32 => Array.ConvertAll(data.As<float>().ToArray(), v => (double)v),
        DataType.Int64 => Array.ConvertAll(data.As<long>().ToArray(), v => (double)v),
        _ => Array.ConvertAll(data.Bytes.ToArray(), v => (double)v),
    };

    public static double[] Random(int seed, long count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)count).Select(_ => -1 + (2 * random.NextDouble()))];
    }

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    public static void Close(double expected, double actual, double relative, double absolute, string what)
    {
        if (expected.Equals(actual))
            return;
        Assert.True(Math.Abs(expected - actual) <= absolute + (relative * Math.Abs(expected)), $"{what}: expected {expected:R}, got {actual:R}.");
    }

    public static void Close(double[] expected, double[] actual, double relative, double absolute, string what = "value")
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Close(expected[i], actual[i], relative, absolute, $"{what}[{i}]");
    }
}
