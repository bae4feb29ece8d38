using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// A block of a float32 product with so few rows that a turned copy of B would hardly be read again: the elements of B, stored
/// transposed, are turned in registers of 512 bits and used there.
/// </summary>
internal static unsafe class TurnedProduct
{
    /// <summary>So many sums and the registers that are turned fit a file of 32.</summary>
    private const int TileRows = 8;

    /// <summary>Rows that repay turning B once more for each tile.</summary>
    private const int FullTileRows = 7;

    /// <summary>More rows repay a turned copy.</summary>
    private const int MaximalRows = 32;

    private const int Columns = 16;
    private const int Step = 8;

    /// <summary>Whether a block can be computed so.</summary>
    public static bool Fits<T>(int rows, long columns, int depth, in Matrix<T> b)
        where T : unmanaged =>
        Avx512F.IsSupported && typeof(T) == typeof(float)
        && rows <= MaximalRows && (rows <= TileRows || rows >= FullTileRows * Tiles(rows)) && columns >= Columns && depth >= Step
        && b.RowStride == 1 && b.ColumnStride != 1;

    /// <summary>
    /// C = Σ over slices in order of Σ over p in increasing order of a[i·aRow + p·aDepth] · b[j·line + p], each slice a chain of
    /// fused multiply-adds from 0: the order of <see cref="BlockedProduct"/>.
    /// </summary>
    public static void Run(float* a, long aRow, long aDepth, float* b, long line, int k, int slices, float* c, long ldc, int rows, int columns)
    {
        int tiles = Tiles(rows);
        for (int j = 0; j < columns; j += Columns)
        {
            // The last columns lie over their neighbours, which get the same sums again.
            int x = Math.Min(j, columns - Columns);
            for (int tile = 0; tile < tiles; tile++)
            {
                int i = BlockedProduct.Part(rows, tiles, tile), height = BlockedProduct.Part(rows, tiles, tile + 1) - i;
                for (int slice = 0; slice < slices; slice++)
                {
                    int p = BlockedProduct.Part(k, slices, slice), depth = BlockedProduct.Part(k, slices, slice + 1) - p;
                    Run(height, a + (i * aRow) + (p * aDepth), aRow, aDepth, b + (x * line) + p, line, depth, c + (i * ldc) + x, ldc, slice > 0);
                }
            }
        }
    }

    private static int Tiles(int rows) => BlockedProduct.Blocks(rows, TileRows);

    private static void Run(int rows, float* a, long aRow, long aDepth, float* b, long line, int depth, float* c, long ldc, bool accumulate)
    {
        switch (rows)
        {
            case 1:
                Tile<One>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 2:
                Tile<Two>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 3:
                Tile<Three>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 4:
                Tile<Four>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 5:
                Tile<Five>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 6:
                Tile<Six>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 7:
                Tile<Seven>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            default:
                Tile<Eight>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
        }
    }

    /// <remarks>What it inlines would not fit the compiler's budget for a caller.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile<H>(float* a, long aRow, long aDepth, float* b, long line, int depth, float* c, long ldc, bool accumulate)
        where H : struct, ICount
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        Vector512<float> p0, p1, p2, p3, p4, p5, p6, p7;
        int rest = depth % Step;
        for (float* end = b + (depth - rest); b < end; b += Step)
        {
            Transposition.Eight(b, line, out p0, out p1, out p2, out p3, out p4, out p5, out p6, out p7);
            Add<H>(p0, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p1, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p2, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p3, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p4, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p5, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p6, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p7, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        }

        if (rest > 0)
        {
            // The last eight elements lie over those that are added already.
            Transposition.Eight(b + rest - Step, line, out _, out p1, out p2, out p3, out p4, out p5, out p6, out p7);
            if (rest > 6)
                Add<H>(p1, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 5)
                Add<H>(p2, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 4)
                Add<H>(p3, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 3)
                Add<H>(p4, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 2)
                Add<H>(p5, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 1)
                Add<H>(p6, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<H>(p7, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        }

        Write(s0, c, accumulate);
        if (H.Value > 1)
            Write(s1, c + ldc, accumulate);
        if (H.Value > 2)
            Write(s2, c + (2 * ldc), accumulate);
        if (H.Value > 3)
            Write(s3, c + (3 * ldc), accumulate);
        if (H.Value > 4)
            Write(s4, c + (4 * ldc), accumulate);
        if (H.Value > 5)
            Write(s5, c + (5 * ldc), accumulate);
        if (H.Value > 6)
            Write(s6, c + (6 * ldc), accumulate);
        if (H.Value > 7)
            Write(s7, c + (7 * ldc), accumulate);
    }

    /// <summary>Adds the products of one column of A and goes on to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<H>(
        Vector512<float> x, ref float* a, long aRow, long aDepth,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3,
        ref Vector512<float> s4, ref Vector512<float> s5, ref Vector512<float> s6, ref Vector512<float> s7)
        where H : struct, ICount
    {
        float* element = a;
        Add<H, One>(x, ref element, aRow, ref s0);
        Add<H, Two>(x, ref element, aRow, ref s1);
        Add<H, Three>(x, ref element, aRow, ref s2);
        Add<H, Four>(x, ref element, aRow, ref s3);
        Add<H, Five>(x, ref element, aRow, ref s4);
        Add<H, Six>(x, ref element, aRow, ref s5);
        Add<H, Seven>(x, ref element, aRow, ref s6);
        Add<H, Eight>(x, ref element, aRow, ref s7);
        a += aDepth;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<H, R>(Vector512<float> x, ref float* element, long aRow, ref Vector512<float> sum)
        where H : struct, ICount
        where R : struct, ICount
    {
        if (R.Value > H.Value)
            return;
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(*element), x, sum);
        element += aRow;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(Vector512<float> sum, float* c, bool accumulate) =>
        Vector512.Store(accumulate ? Vector512.Load(c) + sum : sum, c);
}
