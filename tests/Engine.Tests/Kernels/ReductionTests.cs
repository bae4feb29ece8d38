using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public unsafe class ReductionTests
{
    private delegate void Kernel<T>(T* x, T* y, long outer, long reduce, long inner, void* workspace, int unit)
        where T : unmanaged;

    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 3, 17, 1 }, { 5, 1025, 1 }, { 2, 70_000, 1 }, { 1, 600_000, 1 }, { 3, 7, 5 }, { 2, 130, 300 },
        { 1, 2100, 257 }, { 1, 300_000, 2 }, { 300, 4, 3 }, { 0, 4, 3 }, { 2, 4, 0 },
        { 5, 150_001, 1 }, { 7, 50_001, 1 }, { 303, 1500, 1 }, { 1301, 257, 1 }, { 9, 130, 300 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SumMaxMinAndLogSumExpEqualPlainLoops(int outer, int reduce, int inner)
    {
        var random = new Random(12);
        double[] x = [.. Enumerable.Range(0, outer * reduce * inner).Select(_ => (double)(float)(random.NextDouble() * 8 - 4))];
        float[] single = [.. x.Select(v => (float)v)];
        double[] sum = new double[outer * inner], max = [.. sum.Select(_ => double.NegativeInfinity)], min = [.. sum.Select(_ => double.PositiveInfinity)], exp = new double[sum.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int j = i / (reduce * inner) * inner + i % inner;
            sum[j] += x[i];
            max[j] = Math.Max(max[j], x[i]);
            min[j] = Math.Min(min[j], x[i]);
            exp[j] += Math.Exp(x[i]);
        }

        double scale = reduce * 4.0;
        Near(sum, Run<double>(Reduction.Sum, x, outer, reduce, inner), scale * 1e-14);
        Near(sum, Run<float>(Reduction.Sum, single, outer, reduce, inner), scale * 1e-7);
        Near(max, Run<double>(Reduction.Max, x, outer, reduce, inner), 0);
        Near(max, Run<float>(Reduction.Max, single, outer, reduce, inner), 0);
        Near(min, Run<double>(Reduction.Min, x, outer, reduce, inner), 0);
        Near(min, Run<float>(Reduction.Min, single, outer, reduce, inner), 0);
        Near([.. exp.Select(v => Math.Log(v))], Run<double>(Reduction.LogSumExp, x, outer, reduce, inner), 1e-12);
        Near([.. exp.Select(v => Math.Log(v))], Run<float>(Reduction.LogSumExp, single, outer, reduce, inner), 2e-6);
    }

    [Fact]
    public void AFloat32SumOfMillionsKeepsItsDigits()
    {
        float[] x = [.. Enumerable.Repeat(0.1f, 1 << 24)];
        double expected = (double)0.1f * (1 << 24);
        Assert.True(Math.Abs(Run<float>(Reduction.Sum, x, 1, x.Length, 1)[0] - expected) / expected < 1e-6);
        Assert.True(Math.Abs(Run<float>(Reduction.Sum, x, 1, x.Length / 4, 4)[3] - expected / 4) / expected * 4 < 1e-6);
        Assert.Equal(64 + 1, Reduction.UnitCount(1, x.Length, 1));
    }

    /// <summary>Of numbers that cancel, for whose sum the order alone decides: 32 sums by turns, then their halves, the same at 256 bits and at 512.</summary>
    [Theory]
    [InlineData(32)]
    [InlineData(71)]
    [InlineData(256)]
    [InlineData(1003)]
    public void AFloat32RowIsSummedInOneOrder(int length)
    {
        if (!Vector256.IsHardwareAccelerated)
            Assert.Skip("Shorter registers have fewer sums.");
        var random = new Random(length);
        float[] x = [.. Enumerable.Range(0, length).Select(_ => (float)Math.ScaleB(random.NextDouble() + 1, random.Next(60)))];
        for (int i = 0; i < length / 2; i++)
            x[length - 1 - i] = -x[i];
        random.Shuffle(x);

        double[] sums = new double[32];
        int whole = length / 32 * 32, registers = length / 8 * 8;
        for (int i = 0; i < length; i++)
            sums[i < whole ? i % 32 : i < registers ? i % 8 : 8 + (i % 8)] += x[i];
        for (int j = 0; j < 8; j++)
            sums[j] = sums[j] + sums[j + 8] + (sums[j + 16] + sums[j + 24]);
        for (int half = 4; half > 0; half /= 2)
        {
            for (int j = 0; j < half; j++)
                sums[j] += sums[j + half];
        }

        Assert.Equal((float)sums[0], Run<float>(Reduction.Sum, x, 1, length, 1)[0]);
    }

    [Theory]
    [InlineData(5, 150_001, 1)]
    [InlineData(303, 1500, 1)]
    [InlineData(1301, 257, 1)]
    [InlineData(9, 130, 300)]
    [InlineData(3, 130, 1100)]
    public void WhatComesFromFarIsSummedInTheOrderOfWhatIsNear(int outer, int reduce, int inner)
    {
        var random = new Random(31);
        float[] x = [.. Enumerable.Range(0, outer * reduce * inner).Select(_ => (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(60)))];
        float[] near = [.. x.Chunk(reduce * inner).SelectMany(part => Run<float>(Reduction.Sum, part, 1, reduce, inner))];
        Assert.Equal(near, Run<float>(Reduction.Sum, x, outer, reduce, inner));
        double[] wide = [.. x];
        Assert.Equal([.. wide.Chunk(reduce * inner).SelectMany(part => Run<double>(Reduction.Sum, part, 1, reduce, inner))], Run<double>(Reduction.Sum, wide, outer, reduce, inner));
    }

    [Fact]
    public void Int64SumsWrap() =>
        Assert.Equal([long.MinValue, 7], Run<long>(Reduction.Sum, [long.MaxValue, 3, 1, 4], 1, 2, 2));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void NaNAndInfinitiesPropagate(int inner)
    {
        foreach (int at in new[] { 0, 1, 37, 299_999 })
        {
            double[] x = new double[300_000 * inner];
            x[at * inner] = double.NaN;
            Assert.Equal(double.NaN, Run<double>(Reduction.Max, x, 1, 300_000, inner)[0]);
            Assert.Equal(double.NaN, Run<double>(Reduction.Min, x, 1, 300_000, inner)[0]);
            Assert.Equal(double.NaN, Run<double>(Reduction.LogSumExp, x, 1, 300_000, inner)[0]);
            x[at * inner] = double.PositiveInfinity;
            Assert.Equal(double.PositiveInfinity, Run<double>(Reduction.LogSumExp, x, 1, 300_000, inner)[0]);
            x.AsSpan().Fill(double.NegativeInfinity);
            Assert.Equal(double.NegativeInfinity, Run<double>(Reduction.LogSumExp, x, 1, 300_000, inner)[0]);
            x[at * inner] = -1000;
            Assert.Equal(-1000, Run<double>(Reduction.LogSumExp, x, 1, 300_000, inner)[0]);
        }
    }

    /// <summary>The signs of zeros, and NaN of either sign, wherever they stand in rows of any length.</summary>
    [Fact]
    public void ExtremesOfRowsEqualThoseOfTheirElementsInTurn()
    {
        for (int n = 1; n <= 70; n++)
        {
            for (int at = 0; at < n; at++)
            {
                foreach (var (many, one) in new[] { (-0f, 0f), (0f, -0f), (-1f, -0f), (-1f, 0f), (1f, 0f), (1f, -0f), (2f, float.NaN), (2f, -float.NaN), (float.NegativeInfinity, -3f), (float.PositiveInfinity, 3f) })
                {
                    float[] x = [.. Enumerable.Repeat(many, n)];
                    x[at] = one;
                    double[] wide = [.. x];
                    Same(x.Aggregate(float.Max), Run<float>(Reduction.Max, x, 1, n, 1)[0]);
                    Same(x.Aggregate(float.Min), Run<float>(Reduction.Min, x, 1, n, 1)[0]);
                    Same(wide.Aggregate(double.Max), Run<double>(Reduction.Max, wide, 1, n, 1)[0]);
                    Same(wide.Aggregate(double.Min), Run<double>(Reduction.Min, wide, 1, n, 1)[0]);
                }
            }
        }

        static void Same(double expected, double actual)
        {
            Assert.Equal(expected, actual);
            Assert.True(double.IsNaN(expected) || double.IsNegative(expected) == double.IsNegative(actual));
        }
    }

    [Fact]
    public void AnEmptyAxisHasTheIdentity()
    {
        Assert.Equal([0, 0], Run<float>(Reduction.Sum, [], 1, 0, 2));
        Assert.Equal([float.NegativeInfinity], Run<float>(Reduction.LogSumExp, [], 1, 0, 1));
    }

    [Fact]
    public void SoftmaxRowsEqualTheFormula()
    {
        foreach (int columns in new[] { 1, 3, 10, 64, 1000, 3001 })
        {
            const int Rows = 7;
            var random = new Random(columns);
            double[] x = [.. Enumerable.Range(0, Rows * columns).Select(_ => 1000 + random.NextDouble() * 20)], y = new double[x.Length], l = [.. x];
            fixed (double* px = x, py = y, pl = l)
            {
                RunRows<SoftmaxFunction, double>(px, py, Rows, columns);
                RunRows<LogSoftmaxFunction, double>(pl, pl, Rows, columns);
            }

            for (int r = 0; r < Rows; r++)
            {
                double total = x.Skip(r * columns).Take(columns).Sum(v => Math.Exp(v - 1010));
                for (int i = r * columns; i < (r + 1) * columns; i++)
                {
                    Assert.Equal(Math.Exp(x[i] - 1010) / total, y[i], 1e-13);
                    Assert.Equal(x[i] - 1010 - Math.Log(total), l[i], 1e-12);
                }
            }
        }
    }

    [Fact]
    public void AFullyMaskedSoftmaxRowIsNaN()
    {
        float[] x = [float.NegativeInfinity, float.NegativeInfinity, 0, float.NegativeInfinity];
        fixed (float* p = x)
            RunRows<SoftmaxFunction, float>(p, p, 2, 2);
        Assert.Equal([float.NaN, float.NaN, 1, 0], x);
    }

    private static void RunRows<TFunction, T>(T* x, T* y, long rows, long columns)
        where TFunction : struct, IRowFunction
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var kernel = new RowKernel<TFunction, T>(rows, columns, 1);
        void* input = x, output = y;
        for (long unit = kernel.UnitCount - 1; unit >= 0; unit--)
            kernel.Run(new KernelArguments { Inputs = &input, Outputs = &output }, unit);
    }

    private static T[] Run<T>(Kernel<T> kernel, T[] x, long outer, long reduce, long inner)
        where T : unmanaged
    {
        var y = new T[outer * inner];
        nuint bytes = (nuint)Reduction.SharedBytes(outer, reduce, inner) + 64;
        void* workspace = NativeMemory.Alloc(bytes);
        new Span<byte>(workspace, (int)bytes).Fill(0xFF);
        fixed (T* px = x, py = y)
        {
            for (int unit = 0; unit < Reduction.UnitCount(outer, reduce, inner); unit++)
                kernel(px, py, outer, reduce, inner, workspace, unit);
        }

        NativeMemory.Free(workspace);
        return y;
    }

    private static void Near<T>(double[] expected, T[] actual, double tolerance)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], double.CreateTruncating(actual[i]), tolerance);
    }
}
