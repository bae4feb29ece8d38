using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// A block of a float32 product with so few rows that a turned copy of B would hardly be read again: the elements of B, stored
/// transposed, are turned in registers of 512 or 256 bits and used there.
/// </summary>
internal static unsafe class TurnedProduct
{
    private const int Step = 8;

    /// <summary>So many sums and the registers that are turned fit a file of 32, or of 16.</summary>
    private static int TileRows => Avx512F.IsSupported ? 8 : 6;

    /// <summary>Rows that repay turning B once more for each tile.</summary>
    private static int FullTileRows => TileRows - 1;

    /// <summary>More rows repay a turned copy.</summary>
    private static int MaximalRows => Avx512F.IsSupported ? 2 * TileRows : TileRows;

    private static int Columns => Avx512F.IsSupported ? Vector512<float>.Count : Vector256<float>.Count;

    /// <summary>Whether a block can be computed so.</summary>
    public static bool Fits<T>(int rows, long columns, int depth, MatrixStrides b)
        where T : unmanaged =>
        Avx2.IsSupported && typeof(T) == typeof(float)
        && rows <= MaximalRows && (rows <= TileRows || rows >= FullTileRows * Tiles(rows)) && columns >= Columns && depth >= Step
        && b.Row == 1 && b.Column != 1;

    /// <summary>
    /// C = Σ over slices in order of Σ over p in increasing order of a[i·aRow + p·aDepth] · b[j·line + p], each slice a chain of
    /// fused multiply-adds from 0: the order of <see cref="BlockedProduct{T}"/>.
    /// </summary>
    public static void Run(float* a, long aRow, long aDepth, float* b, long line, int k, int slices, float* c, long ldc, int rows, int columns)
    {
        if (Avx512F.IsSupported)
            Run<Lanes512<float>>(a, aRow, aDepth, b, line, k, slices, c, ldc, rows, columns);
        else
            Run<Lanes256<float>>(a, aRow, aDepth, b, line, k, slices, c, ldc, rows, columns);
    }

    private static void Run<V>(float* a, long aRow, long aDepth, float* b, long line, int k, int slices, float* c, long ldc, int rows, int columns)
        where V : struct, ILanes<V, float>
    {
        int tiles = Tiles(rows);
        for (int j = 0; j < columns; j += Columns)
        {
            // The last columns lie over their neighbours, which get the same sums again.
            int x = Math.Min(j, columns - Columns);
            for (int tile = 0; tile < tiles; tile++)
            {
                int i = Parts.Start(rows, tiles, tile), height = Parts.Start(rows, tiles, tile + 1) - i;
                for (int slice = 0; slice < slices; slice++)
                {
                    int p = Parts.Start(k, slices, slice), depth = Parts.Start(k, slices, slice + 1) - p;
                    Run<V>(height, a + (i * aRow) + (p * aDepth), aRow, aDepth, b + (x * line) + p, line, depth, c + (i * ldc) + x, ldc, slice > 0);
                }
            }
        }
    }

    private static int Tiles(int rows) => Parts.Count(rows, TileRows);

    private static void Run<V>(int rows, float* a, long aRow, long aDepth, float* b, long line, int depth, float* c, long ldc, bool accumulate)
        where V : struct, ILanes<V, float>
    {
        switch (rows)
        {
            case 1:
                Tile<V, One>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 2:
                Tile<V, Two>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 3:
                Tile<V, Three>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 4:
                Tile<V, Four>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 5:
                Tile<V, Five>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 6:
                Tile<V, Six>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            case 7:
                Tile<V, Seven>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
            default:
                Tile<V, Eight>(a, aRow, aDepth, b, line, depth, c, ldc, accumulate);
                break;
        }
    }

    /// <remarks>What it inlines would not fit the compiler's budget for a caller.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile<V, H>(float* a, long aRow, long aDepth, float* b, long line, int depth, float* c, long ldc, bool accumulate)
        where V : struct, ILanes<V, float>
        where H : struct, ICount
    {
        V s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        V p0, p1, p2, p3, p4, p5, p6, p7;
        int rest = depth % Step;
        for (float* end = b + (depth - rest); b < end; b += Step)
        {
            Transposition.Eight(b, line, out p0, out p1, out p2, out p3, out p4, out p5, out p6, out p7);
            Add<V, H>(p0, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p1, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p2, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p3, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p4, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p5, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p6, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p7, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        }

        if (rest > 0)
        {
            // The last eight elements lie over those that are added already.
            Transposition.Eight(b + rest - Step, line, out _, out p1, out p2, out p3, out p4, out p5, out p6, out p7);
            if (rest > 6)
                Add<V, H>(p1, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 5)
                Add<V, H>(p2, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 4)
                Add<V, H>(p3, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 3)
                Add<V, H>(p4, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 2)
                Add<V, H>(p5, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            if (rest > 1)
                Add<V, H>(p6, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Add<V, H>(p7, ref a, aRow, aDepth, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
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
    private static void Add<V, H>(
        V x, ref float* a, long aRow, long aDepth, ref V s0, ref V s1, ref V s2, ref V s3, ref V s4, ref V s5, ref V s6, ref V s7)
        where V : struct, ILanes<V, float>
        where H : struct, ICount
    {
        float* element = a;
        Add<V, H, One>(x, ref element, aRow, ref s0);
        Add<V, H, Two>(x, ref element, aRow, ref s1);
        Add<V, H, Three>(x, ref element, aRow, ref s2);
        Add<V, H, Four>(x, ref element, aRow, ref s3);
        Add<V, H, Five>(x, ref element, aRow, ref s4);
        Add<V, H, Six>(x, ref element, aRow, ref s5);
        Add<V, H, Seven>(x, ref element, aRow, ref s6);
        Add<V, H, Eight>(x, ref element, aRow, ref s7);
        a += aDepth;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<V, H, R>(V x, ref float* element, long aRow, ref V sum)
        where V : struct, ILanes<V, float>
        where H : struct, ICount
        where R : struct, ICount
    {
        if (R.Value > H.Value)
            return;
        sum.AddProduct(V.Broadcast(*element), x);
        element += aRow;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<V>(V sum, float* c, bool accumulate)
        where V : struct, ILanes<V, float> => (accumulate ? V.Load(c) + sum : sum).Store(c);
}
