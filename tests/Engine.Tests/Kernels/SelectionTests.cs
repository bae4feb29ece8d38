using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public class SelectionTests
{
    [Fact]
    public void WhereTakesTheChosenElementAtEveryLength()
    {
        var random = new Random(11);
        for (int n = 0; n <= 256; n++)
        {
            byte[] condition = [.. Enumerable.Range(0, n).Select(_ => (byte)random.Next(2))];
            float[] x = [.. Enumerable.Range(0, n).Select(i => (float)i)], y = [.. x.Select(v => float.NaN)];
            Selection.Where<float>(condition, x, y, y);
            for (int i = 0; i < n; i++)
                Assert.Equal(condition[i] != 0 ? i : float.NaN, y[i]);

            double[] wide = [.. x.Select(v => (double)v)], none = [.. x.Select(v => double.PositiveInfinity)], chosen = new double[n];
            Selection.Where<double>(condition, wide, none, chosen);
            byte[] small = [.. x.Select(v => (byte)v)], chosenSmall = new byte[n], nonzero = new byte[n];
            Selection.Where<byte>(condition, small, condition, chosenSmall);
            Selection.ToBool<float>([.. condition.Select((v, i) => v == 0 ? -0f : i % 5 == 0 ? float.NaN : -i)], nonzero);
            for (int i = 0; i < n; i++)
            {
                Assert.Equal(condition[i] != 0 ? i : double.PositiveInfinity, chosen[i]);
                Assert.Equal(condition[i] != 0 ? (byte)i : condition[i], chosenSmall[i]);
                Assert.Equal(condition[i] != 0 ? 1 : 0, nonzero[i]);
            }

            byte[] other = [.. condition.Select((v, i) => i % 3 == 0 ? v : (byte)(1 - v))], equal = new byte[n];
            Selection.EqualBool(condition, other, equal);
            for (int i = 0; i < n; i++)
                Assert.Equal(i % 3 == 0 ? 1 : 0, equal[i]);
        }
    }

    [Fact]
    public void CastToInt64TruncatesAndSaturates()
    {
        double[] x = [1.9, -1.9, 1e300, -1e300, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 9007199254740993, 0.5];
        var y = new long[x.Length];
        Selection.Cast<double, long>(x, y);
        Assert.Equal([1, -1, long.MaxValue, long.MinValue, 0, long.MaxValue, long.MinValue, 9007199254740992, 0], y);
        Selection.Cast<float, long>([.. x.Select(v => (float)v)], y);
        Assert.Equal([1, -1, long.MaxValue, long.MinValue, 0, long.MaxValue, long.MinValue, 9007199254740992, 0], y);
    }

    [Fact]
    public void CastRoundsToNearest()
    {
        var single = new float[3];
        Selection.Cast<double, float>([1 + 1.0 / (1 << 24), 1e300, 0.1], single);
        Assert.Equal([1f, float.PositiveInfinity, 0.1f], single);
        Selection.Cast<long, float>([(1L << 24) + 1, (1L << 24) + 3, long.MinValue], single);
        Assert.Equal([16777216f, 16777220f, -9.223372E+18f], single);
        var wide = new double[3];
        Selection.Cast<float, double>([0.1f, float.NaN, -0f], wide);
        Assert.Equal([0.10000000149011612, double.NaN, -0.0], wide);
        Selection.Cast<long, double>([3, -4, (1L << 53) + 1], wide);
        Assert.Equal([3, -4, 9007199254740992.0], wide);
    }

    [Fact]
    public void BooleansAreNonZeroAndBecomeOne()
    {
        var bits = new byte[5];
        Selection.ToBool<float>([0, -0f, float.NaN, 0.1f, -2], bits);
        Assert.Equal([0, 0, 1, 1, 1], bits);
        var back = new double[5];
        Selection.Cast<byte, double>(bits, back);
        Assert.Equal([0, 0, 1, 1, 1], back);
        var integers = new long[5];
        Selection.Cast<byte, long>(bits, integers);
        Assert.Equal([0, 0, 1, 1, 1], integers);
    }
}
