using System.Numerics;
using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>
/// Against compensated sums in float64 with exact products. The bound is the
/// classical |error| ≤ k·ε·Σ|a||b| (Higham, §3.1).
/// </summary>
public unsafe class GemmTests
{
    [Fact]
    public void EverySmallShapeInEveryLayout()
    {
        for (int m = 1; m <= 40; m += m < 16 ? 1 : 5)
        {
            for (int n = 1; n <= 40; n += n < 10 ? 3 : 4)
            {
                for (int k = 1; k <= 40; k += 6)
                {
                    for (int layout = 0; layout < 4; layout++)
                        Check<float>(m, n, k, layout, 1);
                }

                Check<double>(m, n, (m * 7 + n) % 40 + 1, (m + n) % 4, 1);
            }
        }
    }

    [Theory]
    [InlineData(64, 64, 64)]
    [InlineData(96, 512, 256)]
    [InlineData(193, 65, 257)]
    [InlineData(191, 127, 255)]
    [InlineData(385, 33, 512)]
    [InlineData(13, 1025, 300)]
    [InlineData(5, 40, 1000)]
    [InlineData(2, 513, 130)]
    [InlineData(513, 2, 130)]
    [InlineData(30, 70, 1024)]
    [InlineData(70, 1024, 30)]
    [InlineData(40, 150, 1024)]
    [InlineData(20, 293, 2048)]
    [InlineData(1000, 150, 40)]
    [InlineData(1024, 70, 300)]
    public void ShapesAroundTheBlockSizesInEveryLayout(int m, int n, int k)
    {
        for (int layout = 0; layout < 4; layout++)
        {
            Check<float>(m, n, k, layout, 1);
            Check<double>(m, n, k, layout, 1);
        }
    }

    [Theory]
    [InlineData(1, 5000, 300)]
    [InlineData(5000, 1, 300)]
    [InlineData(1, 3, 10007)]
    [InlineData(3, 1, 10007)]
    [InlineData(1, 1, 10007)]
    public void VectorProductsInEveryLayout(int m, int n, int k)
    {
        for (int layout = 0; layout < 4; layout++)
        {
            Check<float>(m, n, k, layout, 1);
            Check<double>(m, n, k, layout, 1);
        }
    }

    /// <summary>Sums of fewer than 64 have one order, whatever the layout and the registers.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(63)]
    public void ShortVectorProductsHaveTheSameBitsInBothLayouts(int k)
    {
        const int M = 700;
        var random = new Random(k);
        double[] rows = new double[M * k], columns = new double[M * k], x = new double[k], fromRows = new double[M], fromColumns = new double[M];
        for (int p = 0; p < k; p++)
        {
            x[p] = random.NextDouble() - 0.5;
            for (int i = 0; i < M; i++)
                rows[(i * k) + p] = columns[(p * M) + i] = random.NextDouble() - 0.5;
        }

        double[] workspace = new double[Gemm.WorkspaceBytes<double>(M, 1, k) / sizeof(double)];
        fixed (double* r = rows, c = columns, v = x, y = fromRows, z = fromColumns, w = workspace)
        {
            for (int unit = 0; unit < Gemm.UnitCount(M, 1, k); unit++)
            {
                Gemm.Run(new Matrix<double>(r, k, 1), new Matrix<double>(v, 1, 1), y, 1, M, 1, k, w, unit);
                Gemm.Run(new Matrix<double>(c, 1, M), new Matrix<double>(v, 1, 1), z, 1, M, 1, k, w, unit);
            }
        }

        Assert.Equal(fromRows, fromColumns);
    }

    [Theory]
    [InlineData(2, 16, 300)]
    [InlineData(3, 17, 9)]
    [InlineData(4, 100, 515)]
    [InlineData(5, 33, 31)]
    [InlineData(6, 40, 8)]
    [InlineData(7, 512, 784)]
    [InlineData(8, 48, 14)]
    [InlineData(9, 50, 300)]
    [InlineData(15, 50, 300)]
    [InlineData(32, 31, 77)]
    public void ProductsHaveTheSameBitsInEveryLayout(int m, int n, int k)
    {
        var random = new Random(m);
        float[] a = Fill<float>(random, m * k), b = Fill<float>(random, k * n), turnedA = new float[m * k], turnedB = new float[k * n];
        for (int i = 0; i < a.Length; i++)
            turnedA[(i % k * m) + (i / k)] = a[i];
        for (int i = 0; i < b.Length; i++)
            turnedB[(i % n * k) + (i / n)] = b[i];
        float[] expected = Product(a, k, 1, b, n, 1);
        Assert.Equal(expected, Product(a, k, 1, turnedB, 1, k));
        Assert.Equal(expected, Product(turnedA, 1, m, b, n, 1));
        Assert.Equal(expected, Product(turnedA, 1, m, turnedB, 1, k));

        float[] Product(float[] left, long leftRow, long leftColumn, float[] right, long rightRow, long rightColumn)
        {
            float[] c = new float[m * n], workspace = new float[Gemm.WorkspaceBytes<float>(m, n, k) / sizeof(float)];
            fixed (float* x = left, y = right, z = c, w = workspace)
            {
                for (int unit = 0; unit < Gemm.UnitCount(m, n, k); unit++)
                    Gemm.Run(new Matrix<float>(x, leftRow, leftColumn), new Matrix<float>(y, rightRow, rightColumn), z, n, m, n, k, w, unit);
            }

            return c;
        }
    }

    [Fact]
    public void GeneralStridesAreTaken()
    {
        Check<float>(37, 45, 50, 0, 3);
        Check<float>(37, 45, 50, 3, 2);
        Check<double>(500, 1, 45, 2, 2);
        Check<double>(1, 500, 45, 0, 2);
        Check<float>(3, 4, 5, 1, 2);
        Check<float>(20, 200, 512, 0, 2);
    }

    /// <summary>An operand that repeats one row, one column or one element by strides of 0 multiplies like its copies.</summary>
    [Theory]
    [InlineData(4, 64, 64)]
    [InlineData(20, 50, 70)]
    [InlineData(130, 200, 300)]
    public void OperandsThatRepeatThemselvesMultiplyLikeTheirCopies(int m, int n, int k)
    {
        var random = new Random(5);
        float[] line = Fill<float>(random, m + n + k);
        foreach (var (row, column) in new[] { (0, 0), (0, 1), (1, 0) })
        {
            Assert.Equal(Multiply(Copied(m, k), k, 1, Copied(k, n), n, 1), Multiply(line, row, column, Copied(k, n), n, 1));
            Assert.Equal(Multiply(Copied(m, k), k, 1, Copied(k, n), n, 1), Multiply(Copied(m, k), k, 1, line, row, column));

            float[] Copied(int rows, int columns) => [.. Enumerable.Range(0, rows * columns).Select(i => line[(i / columns * row) + (i % columns * column)])];
        }

        float[] Multiply(float[] a, int aRow, int aColumn, float[] b, int bRow, int bColumn)
        {
            var c = new float[m * n];
            var workspace = new byte[Gemm.WorkspaceBytes<float>(m, n, k) + 64];
            fixed (float* x = a, y = b, z = c)
            fixed (byte* w = workspace)
            {
                for (int unit = 0; unit < Gemm.UnitCount(m, n, k); unit++)
                    Gemm.Run(new Matrix<float>(x, aRow, aColumn), new Matrix<float>(y, bRow, bColumn), z, n, m, n, k, w, unit);
            }

            return c;
        }
    }

    [Fact]
    public void EmptyDepthGivesZerosAndEmptyOutputNoUnits()
    {
        Assert.Equal(0, Gemm.UnitCount(0, 5, 5));
        Assert.Equal(0, Gemm.UnitCount(5, 0, 5));
        float[] c = [float.NaN, float.NaN, 7, float.NaN, float.NaN, 8];
        fixed (float* p = c)
        {
            for (int unit = 0; unit < Gemm.UnitCount(2, 2, 0); unit++)
                Gemm.Run<float>(default, default, p, 3, 2, 2, 0, null, unit);
        }

        Assert.Equal([0, 0, 7, 0, 0, 8], c);
    }

    [Fact]
    public void ALongDepthIsCutIntoSmallerUnits()
    {
        Assert.True(Gemm.UnitCount(384, 1024, 16_384) > Gemm.UnitCount(384, 1024, 64));
        Check<float>(26, 140, 40_000, 0, 1);
    }

    [Theory]
    [InlineData(64, 64, 64)]
    [InlineData(400, 700, 300)]
    [InlineData(128, 10, 256)]
    [InlineData(1, 5000, 300)]
    [InlineData(5000, 1, 300)]
    [InlineData(3, 3, 3)]
    public void UnitsWriteTheirRectanglesWhichCoverTheProductOnce(int m, int n, int k)
    {
        float[] a = new float[m * k], b = new float[k * n], c = new float[m * n];
        var workspace = NativeMemory.AlignedAlloc((nuint)Gemm.WorkspaceBytes<float>(m, n, k) + 64, 64);
        fixed (float* pa = a, pb = b, pc = c)
        {
            Array.Fill(c, -1);
            for (int unit = 0; unit < Gemm.UnitCount(m, n, k); unit++)
            {
                var block = Gemm.BlockOf(m, n, k, unit);
                var before = (float[])c.Clone();
                Gemm.Run(new Matrix<float>(pa, k, 1), new Matrix<float>(pb, n, 1), pc, n, m, n, k, workspace, unit);
                for (int i = 0; i < c.Length; i++)
                {
                    var isInside = i / n >= block.Row && i / n < block.Row + block.Rows && i % n >= block.Column && i % n < block.Column + block.Columns;
                    Assert.Equal(isInside ? (-1, 0) : (before[i], before[i]), (before[i], c[i]));
                }
            }
        }

        NativeMemory.AlignedFree(workspace);
        Assert.DoesNotContain(-1, c);
    }

    /// <summary>Layout bit 0 stores A transposed, bit 1 B; step leaves gaps between elements.</summary>
    private static void Check<T>(int m, int n, int k, int layout, int step)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = new Random(m * 1_000_003 + n * 1009 + k * 17 + layout);
        T[] a = Fill<T>(random, m * k * step), b = Fill<T>(random, k * n * step);
        int ldc = n + 3;
        T[] c = [.. Enumerable.Repeat(T.NaN, m * ldc)], reversed = [.. c];
        long ars = (layout & 1) == 0 ? k * step : step, acs = (layout & 1) == 0 ? step : m * step;
        long brs = (layout & 2) == 0 ? n * step : step, bcs = (layout & 2) == 0 ? step : k * step;

        long bytes = Gemm.WorkspaceBytes<T>(m, n, k);
        byte* workspace = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + 128, 64);
        new Span<byte>(workspace, (int)bytes + 128).Fill(0xFF);
        fixed (T* pa = a, pb = b, pc = c, pr = reversed)
        {
            Matrix<T> left = new(pa, ars, acs), right = new(pb, brs, bcs);
            int units = Gemm.UnitCount(m, n, k);
            for (int unit = 0; unit < units; unit++)
                Gemm.Run(left, right, pc, ldc, m, n, k, workspace, unit);
            for (int unit = units - 1; unit >= 0; unit--)
                Gemm.Run(left, right, pr, ldc, m, n, k, workspace, unit);
        }

        Assert.True(new Span<byte>(workspace + bytes, 128).IndexOfAnyExcept((byte)0xFF) < 0, "wrote past the workspace");
        NativeMemory.AlignedFree(workspace);
        Assert.True(ElementwiseCases.Bits<T>(c).AsSpan().SequenceEqual(ElementwiseCases.Bits<T>(reversed)), "unit order changes bits");

        double epsilon = typeof(T) == typeof(float) ? Math.Pow(2, -24) : Math.Pow(2, -53);
        double[] wideA = Widen(a), wideB = Widen(b), wideC = Widen(c);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0, lost = 0, magnitude = 0;
                for (int p = 0; p < k; p++)
                {
                    double x = wideA[i * ars + p * acs], y = wideB[p * brs + j * bcs], product = x * y;
                    double next = sum + product;
                    lost += (next - sum - product) - (typeof(T) == typeof(float) ? 0 : ProductError(x, y, product));
                    sum = next;
                    magnitude += Math.Abs(product);
                }

                double error = Math.Abs(wideC[i * ldc + j] - (sum - lost));
                Assert.True(error <= (k + 1) * epsilon * magnitude, $"{typeof(T).Name} {m}x{n}x{k} layout {layout} at ({i},{j}): error {error}");
            }

            for (int j = n; j < ldc; j++)
                Assert.True(double.IsNaN(wideC[i * ldc + j]), "wrote past a row of C");
        }
    }

    /// <summary>x·y − product, exactly, by Dekker's splitting.</summary>
    private static double ProductError(double x, double y, double product)
    {
        double cx = 134217729 * x, cy = 134217729 * y;
        double hx = cx - (cx - x), hy = cy - (cy - y), lx = x - hx, ly = y - hy;
        return lx * ly - (((product - hx * hy) - lx * hy) - hx * ly);
    }

    private static T[] Fill<T>(Random random, int count)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[count];
        for (int i = 0; i < count; i++)
            values[i] = T.CreateTruncating(random.NextDouble() * 2 - 1);
        return values;
    }

    private static double[] Widen<T>(T[] values)
        where T : unmanaged, IFloatingPointIeee754<T> => Array.ConvertAll(values, double.CreateTruncating);
}
