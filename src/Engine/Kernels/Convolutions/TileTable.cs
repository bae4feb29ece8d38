using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>A tile of a convolution: its loop, rows and columns. Rows × columns sums fit the register file.</summary>
internal readonly unsafe struct CorrelationLoop<T>(delegate*<T*, T*, long*, int, T*, long, bool, void> run, int rows, int columns)
    where T : unmanaged
{
    public delegate*<T*, T*, long*, int, T*, long, bool, void> Run { get; } = run;

    public int Rows { get; } = rows;

    public int Columns { get; } = columns;
}

/// <summary>A tile of the weight gradient over one register of filters and over two.</summary>
internal readonly unsafe struct WeightGradientLoop<T>(delegate*<T*, long*, int, int, int, T*, long, T*, long, void> one, delegate*<T*, long*, int, int, int, T*, long, T*, long, void> two)
    where T : unmanaged
{
    public delegate*<T*, long*, int, int, int, T*, long, T*, long, void> One { get; } = one;

    public delegate*<T*, long*, int, int, int, T*, long, T*, long, void> Two { get; } = two;
}

/// <summary>The tiles of this machine's registers.</summary>
internal static unsafe class TileTable<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Elements of a register.</summary>
    public static int Lanes =>
        Vector512.IsHardwareAccelerated ? Lanes512<T>.Count : Vector256.IsHardwareAccelerated ? Lanes256<T>.Count : Vector128.IsHardwareAccelerated ? Lanes128<T>.Count : 1;

    /// <summary>The tallest tile: 24 sums in a file of 32 registers, 12 in one of 16.</summary>
    public static int MaximalHeight => Vector512.IsHardwareAccelerated ? 12 : 6;

    /// <summary>The tallest tile of three registers: 24 sums and 12.</summary>
    private static int MaximalWideHeight => Vector512.IsHardwareAccelerated ? 8 : 4;

    /// <summary>
    /// Rows and registers of columns of the tiles that cover a rectangle at the least cost, which is what they load and compute
    /// for a tap; the last columns have a tile of fewer registers. 8 · 3 sums load less than 12 · 2, which counts where a
    /// neighbour shares the core.
    /// </summary>
    public static (int Rows, int Registers) CorrelationTileFor(int rows, long columns)
    {
        if (rows <= 1)
            return (1, 2);
        var best = (Rows: 2, Registers: 2);
        for (var height = 2; height <= MaximalHeight; height += 2)
        {
            for (var registers = 2; registers == 2 || (registers == 3 && height <= MaximalWideHeight); registers++)
            {
                if (Cost(height, registers) <= Cost(best.Rows, best.Registers))
                    best = (height, registers);
            }
        }

        return best;

        double Cost(int height, int registers)
        {
            var (tiles, rest) = Math.DivRem((columns + Lanes - 1) / Lanes, registers);
            return Math.Ceiling((double)rows / height) * ((tiles * TileCost(height, registers)) + (rest > 0 ? TileCost(height, rest) : 0));
        }

        static double TileCost(int height, long registers) => (height * registers) + height + registers;
    }

    /// <summary>The height of equal tiles that cover a length at the least cost; each costs one row more than it has.</summary>
    public static int HeightFor(int length)
    {
        if (length <= 1)
            return 1;
        var best = 2;
        for (var height = 4; height <= MaximalHeight; height += 2)
        {
            if (Cost(height) <= Cost(best))
                best = height;
        }

        return best;

        long Cost(int height) => ((long)length + height - 1) / height * (height + 1);
    }

    /// <summary>The tile of some rows by up to as many registers as <see cref="CorrelationTileFor"/> chooses for them; one row has <see cref="Depthwise"/>.</summary>
    public static CorrelationLoop<T> Correlation((int Rows, int Registers) tile) =>
        Vector512.IsHardwareAccelerated ? Correlation<Lanes512<T>>(tile)
        : Vector256.IsHardwareAccelerated ? Correlation<Lanes256<T>>(tile)
        : Vector128.IsHardwareAccelerated ? Correlation<Lanes128<T>>(tile)
        : Correlation<ScalarLanes<T>>(tile);

    /// <summary>The tile for some taps: one, or an even number up to <see cref="MaximalHeight"/>.</summary>
    public static WeightGradientLoop<T> WeightGradient(int taps) =>
        Vector512.IsHardwareAccelerated ? WeightGradient<Lanes512<T>>(taps)
        : Vector256.IsHardwareAccelerated ? WeightGradient<Lanes256<T>>(taps)
        : Vector128.IsHardwareAccelerated ? WeightGradient<Lanes128<T>>(taps)
        : WeightGradient<ScalarLanes<T>>(taps);

    /// <summary>The tile of a weight gradient for six taps and four registers of filters, where registers are many; null elsewhere.</summary>
    public static delegate*<T*, long*, int, int, int, T*, long, T*, long, void> WideWeightGradient =>
        Vector512.IsHardwareAccelerated ? &WideWeightGradientTile<Lanes512<T>, T>.Run : null;

    /// <summary>Copies a rectangle: from, its stride, to, its stride, rows, columns.</summary>
    public static delegate*<T*, long, T*, long, int, int, void> Copy =>
        Vector512.IsHardwareAccelerated ? &RectangleCopy<Lanes512<T>, T>.Run
        : Vector256.IsHardwareAccelerated ? &RectangleCopy<Lanes256<T>, T>.Run
        : Vector128.IsHardwareAccelerated ? &RectangleCopy<Lanes128<T>, T>.Run
        : &RectangleCopy<ScalarLanes<T>, T>.Run;

    /// <summary>Copies what a tile reads of the source: source, offsets, taps, panel, columns.</summary>
    public static delegate*<T*, long*, int, T*, int, void> SourcePanel =>
        Vector512.IsHardwareAccelerated ? &SourcePanel<Lanes512<T>, T>.Run
        : Vector256.IsHardwareAccelerated ? &SourcePanel<Lanes256<T>, T>.Run
        : Vector128.IsHardwareAccelerated ? &SourcePanel<Lanes128<T>, T>.Run
        : &SourcePanel<ScalarLanes<T>, T>.Run;

    /// <summary>So many tiles below each other repay a <see cref="SourcePanel"/>; with 512 bits they are higher and read where the source lies.</summary>
    public static int SourcePanelTiles => Vector512.IsHardwareAccelerated ? int.MaxValue : 24;

    /// <summary>The tile of a max pool.</summary>
    public static delegate*<T*, long*, T*, int, int, T*, void> MaxPool =>
        Vector512.IsHardwareAccelerated ? &MaxPoolTile<Lanes512<T>, T>.Run
        : Vector256.IsHardwareAccelerated ? &MaxPoolTile<Lanes256<T>, T>.Run
        : Vector128.IsHardwareAccelerated ? &MaxPoolTile<Lanes128<T>, T>.Run
        : &MaxPoolTile<ScalarLanes<T>, T>.Run;

    /// <summary>The tile for one row.</summary>
    public static delegate*<T*, T*, int, long*, int, T*, long, int, int, void> Depthwise =>
        Vector512.IsHardwareAccelerated ? &DepthwiseTile<Lanes512<T>, T>.Run
        : Vector256.IsHardwareAccelerated ? &DepthwiseTile<Lanes256<T>, T>.Run
        : Vector128.IsHardwareAccelerated ? &DepthwiseTile<Lanes128<T>, T>.Run
        : &DepthwiseTile<ScalarLanes<T>, T>.Run;

    /// <summary>The tile of a depthwise weight gradient.</summary>
    public static delegate*<T*, long*, int, int, int, T*, T*, void> DepthwiseGradient =>
        Vector512.IsHardwareAccelerated ? &DepthwiseGradientTile<Lanes512<T>, T>.Run
        : Vector256.IsHardwareAccelerated ? &DepthwiseGradientTile<Lanes256<T>, T>.Run
        : Vector128.IsHardwareAccelerated ? &DepthwiseGradientTile<Lanes128<T>, T>.Run
        : &DepthwiseGradientTile<ScalarLanes<T>, T>.Run;

    private static CorrelationLoop<T> Correlation<V>((int Rows, int Registers) tile)
        where V : struct, ILanes<V, T> => tile switch
        {
            (1, _) => new(null, 1, 2 * V.Count),
            (2, 3) => new(&CorrelationTile<V, T, Two, Three>.Run, 2, 3 * V.Count),
            (4, 3) => new(&CorrelationTile<V, T, Four, Three>.Run, 4, 3 * V.Count),
            (6, 3) => new(&CorrelationTile<V, T, Six, Three>.Run, 6, 3 * V.Count),
            (8, 3) => new(&CorrelationTile<V, T, Eight, Three>.Run, 8, 3 * V.Count),
            (2, 1) => new(&CorrelationTile<V, T, Two, One>.Run, 2, V.Count),
            (4, 1) => new(&CorrelationTile<V, T, Four, One>.Run, 4, V.Count),
            (6, 1) => new(&CorrelationTile<V, T, Six, One>.Run, 6, V.Count),
            (8, 1) => new(&CorrelationTile<V, T, Eight, One>.Run, 8, V.Count),
            (10, 1) => new(&CorrelationTile<V, T, Ten, One>.Run, 10, V.Count),
            (12, 1) => new(&CorrelationTile<V, T, Twelve, One>.Run, 12, V.Count),
            (2, _) => new(&CorrelationTile<V, T, Two, Two>.Run, 2, 2 * V.Count),
            (4, _) => new(&CorrelationTile<V, T, Four, Two>.Run, 4, 2 * V.Count),
            (6, _) => new(&CorrelationTile<V, T, Six, Two>.Run, 6, 2 * V.Count),
            (8, _) => new(&CorrelationTile<V, T, Eight, Two>.Run, 8, 2 * V.Count),
            (10, _) => new(&CorrelationTile<V, T, Ten, Two>.Run, 10, 2 * V.Count),
            _ => new(&CorrelationTile<V, T, Twelve, Two>.Run, 12, 2 * V.Count),
        };

    private static WeightGradientLoop<T> WeightGradient<V>(int taps)
        where V : struct, ILanes<V, T> => taps switch
        {
            1 => new(&WeightGradientTile<V, T, One>.One, &WeightGradientTile<V, T, One>.Two),
            2 => new(&WeightGradientTile<V, T, Two>.One, &WeightGradientTile<V, T, Two>.Two),
            4 => new(&WeightGradientTile<V, T, Four>.One, &WeightGradientTile<V, T, Four>.Two),
            6 => new(&WeightGradientTile<V, T, Six>.One, &WeightGradientTile<V, T, Six>.Two),
            8 => new(&WeightGradientTile<V, T, Eight>.One, &WeightGradientTile<V, T, Eight>.Two),
            10 => new(&WeightGradientTile<V, T, Ten>.One, &WeightGradientTile<V, T, Ten>.Two),
            _ => new(&WeightGradientTile<V, T, Twelve>.One, &WeightGradientTile<V, T, Twelve>.Two),
        };
}
