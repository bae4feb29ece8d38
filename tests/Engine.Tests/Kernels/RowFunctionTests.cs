using System.Numerics;
using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>Functions of rows against plain loops in float64, over lengths around registers and blocks; nothing outside the output is written.</summary>
public unsafe class RowFunctionTests
{
    private const int Rows = 5;
    private const double Epsilon = 1e-3;

    public static TheoryData<int> Lengths => [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 1023, 1024, 1025, 1500, 3001];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void SoftmaxAndItsGradientsEqualPlainLoops(int n)
    {
        double[] x = Draw(n, 1, 5), g = Draw(n, 2, 1);
        double[] y = Each(n, (r, i) => Math.Exp(x[r + i]) / Sum(n, j => Math.Exp(x[r + j])));
        double[] log = Each(n, (r, i) => Math.Log(y[r + i]));
        double[] gradient = Each(n, (r, i) => y[r + i] * (g[r + i] - Sum(n, j => g[r + j] * y[r + j])));
        Check<SoftmaxFunction>(n, y, 1, x);
        Check<LogSoftmaxFunction>(n, log, 8, x);
        Check<SoftmaxGradientFunction>(n, gradient, 1, y, g);
        Check<LogSoftmaxGradientFunction>(n, Each(n, (r, i) => g[r + i] - (y[r + i] * Sum(n, j => g[r + j]))), 2 + Math.Sqrt(n), log, g);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void CrossEntropyAndItsGradientEqualPlainLoops(int n)
    {
        double[] x = Draw(n, 3, 5), g = Draw(1, 4, 1);
        long[] classes = [.. Enumerable.Range(0, Rows).Select(r => r * 7L % n)];
        double Probability(int r, int i) => Math.Exp(x[(r * n) + i]) / Sum(n, j => Math.Exp(x[(r * n) + j]));
        double[] loss = [.. Enumerable.Range(0, Rows).Select(r => -Math.Log(Probability(r, (int)classes[r])))];
        double[] gradient = [.. Enumerable.Range(0, Rows * n).Select(k => g[k / n] * (Probability(k / n, k % n) - (classes[k / n] == k % n ? 1 : 0)))];
        Check<CrossEntropyFunction>(n, loss, 12, x, classes);
        Check<CrossEntropyGradientFunction>(n, gradient, 2, x, classes, g);
    }

    [Fact]
    public void AClassOutsideTheRowIsRefused()
    {
        foreach (long bad in new[] { -1L, 4 })
        {
            var e = Assert.Throws<GradientsException>(() => Run<CrossEntropyFunction, float>(4, [.. new double[4 * Rows]], 1, new double[4 * Rows], new long[] { 0, 1, bad, 2, 3 }));
            Assert.Equal(ErrorReasons.IndexOutOfRange, e.Reason);
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void NormalizationsAndTheirGradientsEqualPlainLoops(int n)
    {
        double[] x = [.. Draw(n, 5, 2).Select(v => v + 3)], g = Draw(n, 6, 1), s = Draw(n, 7, 1)[..n], b = Draw(n, 8, 1)[..n];
        foreach (bool centred in new[] { true, false })
        {
            double Mean(int r) => centred ? Sum(n, j => x[r + j]) / n : 0;
            double[] means = [.. Enumerable.Range(0, Rows).Select(r => Mean(r * n))];
            double[] inverse = [.. Enumerable.Range(0, Rows).Select(r => 1 / Math.Sqrt((Sum(n, j => Math.Pow(x[(r * n) + j] - means[r], 2)) / n) + Epsilon))];
            double[] normal = Each(n, (r, i) => (x[r + i] - means[r / n]) * inverse[r / n]);
            double[] Gradient(double[] scaled) => Each(n, (r, i) => inverse[r / n] * (scaled[r + i] - (centred ? Sum(n, j => scaled[r + j]) / n : 0) - (normal[r + i] * Sum(n, j => scaled[r + j] * normal[r + j]) / n)));
            double[] shifted = Each(n, (r, i) => (normal[r + i] * s[i]) + b[i]), withScale = Each(n, (r, i) => normal[r + i] * s[i]), scaled = Each(n, (r, i) => g[r + i] * s[i]);
            // One element is its own mean: then 1/√ε multiplies the rounding of it.
            double tolerance = 8 * inverse.Max() * inverse.Max();
            if (centred)
            {
                Check<NormalizationFunction<Centred, OneOperand>>(n, normal, tolerance, x);
                Check<NormalizationFunction<Centred, TwoOperands>>(n, withScale, tolerance, x, s);
                Check<NormalizationFunction<Centred, ThreeOperands>>(n, shifted, tolerance, x, s, b);
                Check<NormalizationGradientFunction<Centred, TwoOperands>>(n, Gradient(g), tolerance * 4, x, g);
                Check<NormalizationGradientFunction<Centred, ThreeOperands>>(n, Gradient(scaled), tolerance * 4, x, g, s);
            }
            else
            {
                Check<NormalizationFunction<Uncentred, OneOperand>>(n, normal, tolerance, x);
                Check<NormalizationFunction<Uncentred, TwoOperands>>(n, withScale, tolerance, x, s);
                Check<NormalizationFunction<Uncentred, ThreeOperands>>(n, shifted, tolerance, x, s, b);
                Check<NormalizationGradientFunction<Uncentred, TwoOperands>>(n, Gradient(g), tolerance * 4, x, g);
                Check<NormalizationGradientFunction<Uncentred, ThreeOperands>>(n, Gradient(scaled), tolerance * 4, x, g, s);
            }
        }
    }

    private static double[] Draw(int n, int seed, double range)
    {
        var random = new Random((seed * 10_000) + n);
        // Numbers of few digits are the same in both element types.
        return [.. Enumerable.Range(0, Rows * n).Select(_ => Math.Round(range * ((random.NextDouble() * 2) - 1) * 1024) / 1024)];
    }

    private static double[] Each(int n, Func<int, int, double> element) => [.. Enumerable.Range(0, Rows * n).Select(k => element(k / n * n, k % n))];

    private static double Sum(int n, Func<int, double> term) => Enumerable.Range(0, n).Sum(term);

    /// <param name="scale">How many times ε and its errors of operands a result may be off.</param>
    private static void Check<TFunction>(int n, double[] expected, double scale, params Array[] inputs)
        where TFunction : struct, IRowFunction
    {
        Run<TFunction, double>(n, expected, scale * 1e-14, inputs);
        Run<TFunction, float>(n, expected, scale * 2e-6, inputs);
    }

    private static void Run<TFunction, T>(int n, double[] expected, double tolerance, params Array[] inputs)
        where TFunction : struct, IRowFunction
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Guard = 64;
        var kernel = new RowKernel<TFunction, T>(Rows, n, 1, Epsilon);
        T[] y = [.. Enumerable.Repeat(T.CreateTruncating(12345), expected.Length + Guard)];
        GCHandle[] pinned = [.. inputs.Select(i => GCHandle.Alloc(i is double[] d ? Array.ConvertAll(d, T.CreateTruncating) : i, GCHandleType.Pinned))];
        try
        {
            fixed (T* py = y)
            {
                void** pointers = stackalloc void*[inputs.Length];
                for (int i = 0; i < inputs.Length; i++)
                    pointers[i] = (void*)pinned[i].AddrOfPinnedObject();
                void* output = py;
                for (long unit = 0; unit < kernel.UnitCount; unit++)
                    kernel.Run(new KernelArguments { Inputs = pointers, Outputs = &output }, unit);
            }
        }
        finally
        {
            foreach (var handle in pinned)
                handle.Free();
        }

        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - double.CreateTruncating(y[i])) <= tolerance * (1 + Math.Abs(expected[i])), $"{typeof(TFunction)} of {typeof(T)}, {n} columns, element {i}: {y[i]} and not {expected[i]:R}");
        Assert.All(y[expected.Length..], v => Assert.Equal(T.CreateTruncating(12345), v));
    }
}
