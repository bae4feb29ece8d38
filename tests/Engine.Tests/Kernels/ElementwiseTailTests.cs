using System.Numerics;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>The bits of an element depend on its inputs alone: every length, every offset, in place. What lies behind them stays.</summary>
public class ElementwiseTailTests
{
    private const int Longest = 256;

    /// <summary>Elements behind the last that stay as they are.</summary>
    private const int Guard = 16;

    [Fact]
    public void UnaryFloat32BitsDoNotDependOnLengthOrPosition() => UnaryBits<float>();

    [Fact]
    public void UnaryFloat64BitsDoNotDependOnLengthOrPosition() => UnaryBits<double>();

    [Fact]
    public void BinaryFloat32BitsDoNotDependOnLengthOrPosition() => BinaryBits<float>();

    [Fact]
    public void BinaryFloat64BitsDoNotDependOnLengthOrPosition() => BinaryBits<double>();

    [Fact]
    public void ComparisonsHoldAtEveryLength()
    {
        Comparisons(ElementwiseCases.Values<float>(Longest, 1), ElementwiseCases.Values<float>(Longest, 2));
        Comparisons(ElementwiseCases.Values<double>(Longest, 3), ElementwiseCases.Values<double>(Longest, 4));
        var random = new Random(5);
        Comparisons(Integers(random, 3), Integers(random, 3));
    }

    [Fact]
    public void Int64ArithmeticWrapsAtEveryLength()
    {
        var random = new Random(6);
        long[] x = Integers(random, long.MaxValue), y = Integers(random, long.MaxValue);
        x[3] = long.MinValue;
        x[200] = long.MinValue;
        y[3] = -1;
        var z = new long[Longest + Guard];
        for (int n = 0; n <= Longest; n++)
        {
            Check(Elementwise.Add, (a, b) => unchecked(a + b));
            Check(Elementwise.Sub, (a, b) => unchecked(a - b));
            Check(Elementwise.Mul, (a, b) => unchecked(a * b));
            Check(Elementwise.Max, Math.Max);
            Check(Elementwise.Min, Math.Min);
            Check((a, _, c) => Elementwise.Neg(a, c), (a, _) => unchecked(-a));
            Check((a, _, c) => Elementwise.Abs(a, c), (a, _) => a < 0 ? unchecked(-a) : a);
            Check((a, _, c) => Elementwise.Sign(a, c), (a, _) => Math.Sign(a));

            void Check(Binary<long> function, Func<long, long, long> expected)
            {
                z.AsSpan(n).Fill(77);
                function(x.AsSpan(0, n), y.AsSpan(0, n), z.AsSpan(0, n));
                Assert.False(z.AsSpan(n).ContainsAnyExcept(77));
                for (int i = 0; i < n; i++)
                    Assert.Equal(expected(x[i], y[i]), z[i]);
            }
        }
    }

    private static long[] Integers(Random random, long bound) =>
        [.. Enumerable.Range(0, Longest).Select(_ => random.NextInt64(-bound, bound))];

    private static void Comparisons<T>(T[] x, T[] y)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < x.Length; i += 3)
            y[i] = x[i];
        for (int n = 0; n <= x.Length; n++)
        {
            byte[] equal = new byte[n], less = new byte[n], greater = new byte[n];
            Elementwise.Equal<T>(x.AsSpan(0, n), y.AsSpan(0, n), equal);
            Elementwise.Less<T>(x.AsSpan(0, n), y.AsSpan(0, n), less);
            Elementwise.Greater<T>(x.AsSpan(0, n), y.AsSpan(0, n), greater);
            for (int i = 0; i < n; i++)
            {
                Assert.Equal(x[i] == y[i] ? 1 : 0, equal[i]);
                Assert.Equal(x[i] < y[i] ? 1 : 0, less[i]);
                Assert.Equal(x[i] > y[i] ? 1 : 0, greater[i]);
            }
        }
    }

    private static void UnaryBits<T>()
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] x = ElementwiseCases.Values<T>(2 * Longest, 7);
        foreach (var (name, function) in ElementwiseCases.Unary<T>())
        {
            var whole = new T[x.Length];
            function(x, whole);
            for (int n = 0; n <= Longest; n++)
            {
                int offset = n * 7 % 64;
                T[] part = x.AsSpan(offset, n + Guard).ToArray();
                function(part.AsSpan(0, n), part.AsSpan(0, n));
                T[] expected = [.. whole.AsSpan(offset, n), .. x.AsSpan(offset + n, Guard)];
                Assert.True(ElementwiseCases.Bits<T>(expected).AsSpan().SequenceEqual(ElementwiseCases.Bits<T>(part)), $"{name}, length {n}");
            }

            for (int offset = 0; offset <= 64; offset++)
            {
                var part = new T[37];
                function(x.AsSpan(offset, part.Length), part);
                Assert.True(ElementwiseCases.Bits<T>(whole.AsSpan(offset, 37)).AsSpan().SequenceEqual(ElementwiseCases.Bits<T>(part)), $"{name}, offset {offset}");
            }
        }
    }

    private static void BinaryBits<T>()
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] x = ElementwiseCases.Values<T>(2 * Longest, 8), y = ElementwiseCases.Values<T>(2 * Longest, 9);
        foreach (var (name, function) in ElementwiseCases.Binary<T>())
        {
            var whole = new T[x.Length];
            function(x, y, whole);
            for (int n = 0; n <= Longest; n++)
            {
                int offset = n * 5 % 64;
                T[] first = x.AsSpan(offset, n + Guard).ToArray(), second = y.AsSpan(offset, n + Guard).ToArray();
                function(first.AsSpan(0, n), y.AsSpan(offset, n), first.AsSpan(0, n));
                function(x.AsSpan(offset, n), second.AsSpan(0, n), second.AsSpan(0, n));
                Require(whole.AsSpan(offset, n), x.AsSpan(offset + n, Guard), first);
                Require(whole.AsSpan(offset, n), y.AsSpan(offset + n, Guard), second);

                void Require(ReadOnlySpan<T> computed, ReadOnlySpan<T> behind, T[] actual) =>
                    Assert.True(ElementwiseCases.Bits<T>((T[])[.. computed, .. behind]).AsSpan().SequenceEqual(ElementwiseCases.Bits<T>(actual)), $"{name}, length {n}");
            }
        }
    }
}
