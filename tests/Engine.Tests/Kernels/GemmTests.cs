using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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
    [InlineData(301, 523, 601)]
    [InlineData(290, 1024, 520)]
    [InlineData(260, 520, 1500)]
    [InlineData(2048, 2048, 1)]
    [InlineData(1100, 1030, 5)]
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

        Multiply(M, 1, k, rows, new(k, 1), x, new(1, 1), fromRows, 1);
        Multiply(M, 1, k, columns, new(1, M), x, new(1, 1), fromColumns, 1);
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
        float[] expected = Product(a, new(k, 1), b, new(n, 1));
        Assert.Equal(expected, Product(a, new(k, 1), turnedB, new(1, k)));
        Assert.Equal(expected, Product(turnedA, new(1, m), b, new(n, 1)));
        Assert.Equal(expected, Product(turnedA, new(1, m), turnedB, new(1, k)));

        float[] Product(float[] left, MatrixStrides leftStrides, float[] right, MatrixStrides rightStrides)
        {
            float[] c = new float[m * n];
            Multiply(m, n, k, left, leftStrides, right, rightStrides, c, n);
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
            MatrixStrides repeated = new(row, column);
            float[] left = Copied(m, k), right = Copied(k, n);
            Assert.Equal(Product(left, new(k, 1), right, new(n, 1)), Product(line, repeated, right, new(n, 1)));
            Assert.Equal(Product(left, new(k, 1), right, new(n, 1)), Product(left, new(k, 1), line, repeated));

            float[] Copied(int rows, int columns) => [.. Enumerable.Range(0, rows * columns).Select(i => line[(i / columns * row) + (i % columns * column)])];
        }

        float[] Product(float[] a, MatrixStrides aStrides, float[] b, MatrixStrides bStrides)
        {
            var c = new float[m * n];
            Multiply(m, n, k, a, aStrides, b, bStrides, c, n);
            return c;
        }
    }

    [Fact]
    public void EmptyDepthGivesZerosAndEmptyOutputNoUnits()
    {
        Assert.Equal(0, new Gemm<float>(0, 5, 5, new(5, 1), new(5, 1)).UnitCount);
        Assert.Equal(0, new Gemm<float>(5, 0, 5, new(5, 1), new(1, 1)).UnitCount);
        float[] c = [float.NaN, float.NaN, 7, float.NaN, float.NaN, 8];
        Multiply(2, 2, 0, [], new(1, 1), [], new(1, 1), c, 3);
        Assert.Equal([0, 0, 7, 0, 0, 8], c);
    }

    /// <summary>A unit ends after a millisecond or two.</summary>
    [Theory]
    [InlineData(384, 128, 16_384)]
    [InlineData(384, 8192, 8192)]
    [InlineData(100, 100, 60_000)]
    [InlineData(1000, 300, 3000)]
    [InlineData(5, 100, 400_000)]
    public void ALongDepthIsCutIntoSmallerUnits(int m, int n, int k)
    {
        foreach (var right in (MatrixStrides[])[new(n, 1), new(1, k)])
        {
            foreach (var entries in (long[])[1, 50])
            {
                Gemm<float> gemm = new(m, n, k, new(k, 1), right, entries);
                int multiplying = Enumerable.Range(0, gemm.UnitCount).Count(gemm.Finishes), rounds = gemm.SharedBytes == 0 ? gemm.StageCount : gemm.StageCount / 2;
                long largest = Enumerable.Range(gemm.UnitCount - multiplying, multiplying).Max(unit => gemm.BlockOf(unit) is var block ? block.Rows * block.Columns : 0);
                Assert.InRange((double)largest * k / rounds / IsaLevel.Lanes, 1, 12 << 20);
            }
        }
    }

    /// <summary>Several rounds, at 512 bits, at 256 or at both, of all layouts of B; the columns fill no last register.</summary>
    [Theory]
    [InlineData(150, 70, 20_000, 0)]
    [InlineData(150, 70, 20_000, 2)]
    [InlineData(16, 100, 100_000, 2)]
    [InlineData(5, 100, 200_000, 2)]
    public void ALongDepthIsSummedInRounds(int m, int n, int k, int layout) => Check<float>(m, n, k, layout, 1);

    [Theory]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1023)]
    public void EqualRowsHaveEqualSumsWithAVector(int k)
    {
        var random = new Random(k);
        float[] row = Fill<float>(random, k), x = Fill<float>(random, k), y = new float[7];
        Multiply(7, 1, k, [.. Enumerable.Repeat(row, 7).SelectMany(r => r)], new(k, 1), x, new(1, 1), y, 1);
        Assert.Single(ElementwiseCases.Bits<float>(y).Chunk(sizeof(float)).Select(bits => BitConverter.ToInt32(bits)).Distinct());
    }

    [Fact]
    public void ALastBlockOfFewRowsIsSummedRoundByRound() => Check<float>(1585, 516, 520, 2, 1);

    [Fact]
    public void ProductsOfALargeBatchAreCutLessAndShareNothing()
    {
        Gemm<float> alone = new(400, 512, 512, new(512, 1), new(1, 512)), batched = new(400, 512, 512, new(512, 1), new(1, 512), entries: 100);
        Assert.True(alone.UnitCount > batched.UnitCount);
        Assert.Equal(0, batched.SharedBytes);
    }

    /// <summary>What many rectangles read is packed by units of its own, some slices at a time, in a block that does not grow with the depth.</summary>
    [Theory]
    [InlineData(300, 520, 900, 2)]
    [InlineData(520, 1100, 3000, 4)]
    public void LargeProductsPackTheirOperandsOnceInRounds(int m, int n, int k, int stages)
    {
        // B with rows far apart and clashing, A transposed: packed at every level.
        MatrixStrides a = new(1, 2048), b = new(2048, 1);
        // A round's slices, and what pads them.
        long most = Vector512.IsHardwareAccelerated ? 8 << 20 : 20 << 20;
        Gemm<float> gemm = new(m, n, k, a, b), longer = new(m, n, 20 * k, a, b);
        Assert.Equal((0, true), (gemm.StageCount % 2, gemm.StageCount >= stages));
        Assert.InRange(longer.SharedBytes, 1, most);
        Assert.InRange(new Gemm<float>(m, 200_000, k, a, b).SharedBytes, 0, most);
        var covered = new int[m * n];
        for (int unit = 0; unit < gemm.UnitCount; unit++)
        {
            if (!gemm.Finishes(unit))
                continue;
            Assert.True(unit >= gemm.StageEnd(gemm.StageCount - 2));
            var block = gemm.BlockOf(unit);
            for (long i = block.Row; i < block.Row + block.Rows; i++)
            {
                for (long j = block.Column; j < block.Column + block.Columns; j++)
                    covered[(i * n) + j]++;
            }
        }

        Assert.All(covered, times => Assert.Equal(1, times));
        Assert.Equal(gemm.UnitCount, gemm.StageEnd(gemm.StageCount - 1));
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
        var gemm = new Gemm<float>(m, n, k, new(k, 1), new(n, 1));
        using var memory = new Memory<float>(gemm);
        fixed (float* pa = a, pb = b, pc = c)
        {
            Array.Fill(c, -1);
            for (int unit = 0; unit < gemm.UnitCount; unit++)
            {
                var block = gemm.Finishes(unit) ? gemm.BlockOf(unit) : default;
                var before = (float[])c.Clone();
                gemm.Run(pa, pb, pc, n, memory.Workspace, memory.Shared, unit);
                for (int i = 0; i < c.Length; i++)
                {
                    var isInside = i / n >= block.Row && i / n < block.Row + block.Rows && i % n >= block.Column && i % n < block.Column + block.Columns;
                    Assert.Equal(isInside ? (-1, 0) : (before[i], before[i]), (before[i], c[i]));
                }
            }
        }

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
        MatrixStrides sa = (layout & 1) == 0 ? new(k * step, step) : new(step, m * step);
        MatrixStrides sb = (layout & 2) == 0 ? new(n * step, step) : new(step, k * step);
        Multiply(m, n, k, a, sa, b, sb, c, ldc);
        Multiply(m, n, k, a, sa, b, sb, reversed, ldc, reverses: true);
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
                    double x = wideA[i * sa.Row + p * sa.Column], y = wideB[p * sb.Row + j * sb.Column], product = x * y;
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

    /// <summary>Runs all units, stage by stage, each with a workspace that means nothing.</summary>
    private static void Multiply<T>(int m, int n, int k, T[] a, MatrixStrides aStrides, T[] b, MatrixStrides bStrides, T[] c, int ldc, bool reverses = false)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var gemm = new Gemm<T>(m, n, k, aStrides, bStrides);
        using var memory = new Memory<T>(gemm);
        fixed (T* pa = a, pb = b, pc = c)
        {
            for (int stage = 0, first = 0; stage < gemm.StageCount; stage++)
            {
                int end = gemm.StageEnd(stage);
                for (int i = first; i < end; i++)
                {
                    memory.Spoil();
                    gemm.Run(pa, pb, pc, ldc, memory.Workspace, memory.Shared, reverses ? first + end - 1 - i : i);
                }

                first = end;
            }
        }

        memory.Verify();
    }

    /// <summary>The memory of a product, with room behind each block that must stay as it is.</summary>
    private sealed class Memory<T> : IDisposable
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private const int Behind = 128;
        private readonly long _workspaceBytes;
        private readonly long _sharedBytes;

        public Memory(Gemm<T> gemm)
        {
            (_workspaceBytes, _sharedBytes) = (gemm.WorkspaceBytes, gemm.SharedBytes);
            Workspace = Allocate(_workspaceBytes);
            Shared = Allocate(_sharedBytes);
        }

        public byte* Workspace { get; }

        public byte* Shared { get; }

        public void Spoil() => new Span<byte>(Workspace, (int)_workspaceBytes).Fill(0xFF);

        public void Verify()
        {
            Assert.True(new Span<byte>(Workspace + _workspaceBytes, Behind).IndexOfAnyExcept((byte)0xFF) < 0, "wrote past the workspace");
            Assert.True(new Span<byte>(Shared + _sharedBytes, Behind).IndexOfAnyExcept((byte)0xFF) < 0, "wrote past the shared block");
        }

        public void Dispose()
        {
            NativeMemory.AlignedFree(Workspace);
            NativeMemory.AlignedFree(Shared);
        }

        private static byte* Allocate(long bytes)
        {
            var block = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + Behind, 64);
            new Span<byte>(block, (int)bytes + Behind).Fill(0xFF);
            return block;
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
