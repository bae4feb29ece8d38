using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Picks the micro-kernel for the size of a tile. A tile of any height and width runs the same arithmetic for each element.</summary>
internal static unsafe class MicroKernels<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows of the highest tile.</summary>
    public static int Rows => Vector512.IsHardwareAccelerated ? 12 : 6;

    /// <summary>Columns of the widest tile.</summary>
    public static int Columns => 2 * V.Count;

    /// <summary>Heights that differ by at most one: tiles that cover so many rows.</summary>
    public static int Tiles(int rows) => (rows + Rows - 1) / Rows;

    /// <summary>Runs a tile of 1 to <see cref="Rows"/> rows and one or two registers of columns.</summary>
    /// <param name="isWide">Two registers.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int rows, bool isWide, T* a, long aRow, long aDepth, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        if (isWide)
            Run<Two>(rows, a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
        else
            Run<One>(rows, a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
    }

    private static void Run<W>(int rows, T* a, long aRow, long aDepth, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
        where W : struct, ICount
    {
        switch (rows)
        {
            case 1:
                MicroKernel<V, T, One, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 2:
                MicroKernel<V, T, Two, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 3:
                MicroKernel<V, T, Three, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 4:
                MicroKernel<V, T, Four, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 5:
                MicroKernel<V, T, Five, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 6:
                MicroKernel<V, T, Six, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 7:
                MicroKernel<V, T, Seven, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 8:
                MicroKernel<V, T, Eight, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 9:
                MicroKernel<V, T, Nine, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 10:
                MicroKernel<V, T, Ten, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 11:
                MicroKernel<V, T, Eleven, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
            default:
                MicroKernel<V, T, Twelve, W>.Run(a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
                break;
        }
    }
}
