using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public unsafe class CopyTests
{
    public static TheoryData<long[], long[], long> Views => new()
    {
        { [], [], 0 }, { [7], [1], 2 }, { [7], [-1], 6 }, { [9], [0], 3 }, { [40, 50], [1, 40], 0 }, { [40, 50], [50, 1], 0 },
        { [3, 20, 33], [660, 1, 20], 0 }, { [20, 3, 33], [1, 660, 20], 0 }, { [4, 5, 6], [0, 6, 1], 0 }, { [4, 5, 6], [6, 0, 1], 1 },
        { [5, 1, 7], [14, 3, 2], 0 }, { [2, 3, 2, 3, 2, 2, 1, 2], [144, 48, 24, 8, 4, 2, 9, 1], 0 }, { [6, 7], [-7, -1], 41 }, { [3, 0, 2], [1, 1, 1], 0 },
    };

    [Theory]
    [MemberData(nameof(Views))]
    public void EveryRangeOfAViewEqualsItsIndexFormula(long[] shape, long[] strides, long offset)
    {
        Check(shape, strides, offset, i => (byte)i);
        Check(shape, strides, offset, i => (float)i);
        Check(shape, strides, offset, i => i);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(9)]
    [InlineData(64)]
    [InlineData(70)]
    public void GatherTakesRowsAndScatterAddIsItsAdjoint(int inner)
    {
        const int Outer = 3, Axis = 5, Count = 24;
        long[] indices = [.. Enumerable.Repeat((long[])[4, -5, 2, -1], Count / 4).SelectMany(i => i)];
        double[] data = [.. Enumerable.Range(0, Outer * Axis * inner).Select(i => (double)i)], rows = new double[Outer * Count * inner], back = [.. data.Select(_ => double.NaN)];
        fixed (double* pd = data, pr = rows, pb = back)
        fixed (long* pi = indices)
        {
            Assert.Equal(-1, GatherScatter.FirstInvalid(pi, Count, Axis));
            for (int unit = GatherScatter.GatherUnitCount(Outer, Count, inner) - 1; unit >= 0; unit--)
                GatherScatter.Gather(pd, pi, pr, Outer, Axis, Count, inner, unit);
            for (int unit = GatherScatter.ScatterAddUnitCount(Outer, Axis, Count, inner) - 1; unit >= 0; unit--)
                GatherScatter.ScatterAdd(pr, pi, pb, Outer, Axis, Count, inner, unit);
        }

        int[] uses = [6, 0, 6, 0, 12];
        int[] positions = [4, 0, 2, 4];
        for (int o = 0; o < Outer; o++)
        {
            for (int i = 0; i < inner; i++)
            {
                for (int j = 0; j < Count; j++)
                    Assert.Equal((o * Axis + positions[j % 4]) * inner + i, rows[(o * Count + j) * inner + i]);
                for (int a = 0; a < Axis; a++)
                    Assert.Equal(uses[a] * data[(o * Axis + a) * inner + i], back[(o * Axis + a) * inner + i]);
            }
        }
    }

    [Fact]
    public void InvalidIndicesAreFound()
    {
        foreach (long bad in new[] { 3, -4, long.MinValue, long.MaxValue })
        {
            long[] indices = [0, 2, -3, bad, 9];
            fixed (long* p = indices)
                Assert.Equal(3, GatherScatter.FirstInvalid(p, indices.Length, 3));
        }
    }

    private static void Check<T>(long[] shape, long[] strides, long offset, Func<long, T> value)
        where T : unmanaged
    {
        long total = shape.Aggregate(1L, (x, y) => x * y);
        var source = new T[4200];
        for (int i = 0; i < source.Length; i++)
            source[i] = value(i);
        foreach (long start in new long[] { 0, 1, 37, 700 })
        {
            foreach (long wanted in new long[] { 0, 1, 45, 1001, total })
            {
                long count = Math.Max(0, Math.Min(wanted, total - start));
                T[] flat = new T[total + 1], written = new T[source.Length];
                fixed (T* ps = source, pf = flat, pw = written)
                {
                    StridedCopy.Gather(ps + offset, shape, strides, pf, sizeof(T), start, count);
                    bool isInjective = shape.Zip(strides).All(d => d.First <= 1 || d.Second != 0);
                    if (isInjective)
                        StridedCopy.Scatter(pf, pw + offset, shape, strides, sizeof(T), start, count);
                    for (long f = 0; f < total; f++)
                    {
                        long position = offset, rest = f;
                        for (int d = shape.Length - 1; d >= 0; d--)
                        {
                            (rest, long index) = Math.DivRem(rest, shape[d]);
                            position += index * strides[d];
                        }

                        T expected = f >= start && f < start + count ? source[position] : default;
                        Assert.Equal(expected, flat[f]);
                        if (isInjective)
                            Assert.Equal(expected, written[position]);
                    }
                }

                Assert.Equal(default, flat[total]);
            }
        }
    }
}
