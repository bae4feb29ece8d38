using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Picks the micro-kernel for the size of a tile. A tile of any height and width runs the same arithmetic for each element.</summary>
internal static unsafe class MicroKernels<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Registers of the widest tile. Three load less for each sum than two, which counts where a neighbour shares the core.
    /// </summary>
    public static int MaximalRegisters => Vector512.IsHardwareAccelerated ? 3 : 2;

    /// <summary>Rows of the highest tile of one or two registers.</summary>
    public static int MaximalRows => Vector512.IsHardwareAccelerated ? 12 : 6;

    /// <summary>Registers of the first panel of so many columns: panels are nearly equal and none of one register stands beside others.</summary>
    public static int Registers(int columns)
    {
        int registers = (columns + V.Count - 1) / V.Count;
        return registers == 4 ? 2 : Math.Min(registers, MaximalRegisters);
    }

    /// <summary>Heights that differ by at most one: tiles of so many registers that cover so many rows.</summary>
    public static int Tiles(int rows, int registers)
    {
        int most = registers > 2 ? 8 : MaximalRows;
        return (rows + most - 1) / most;
    }

    /// <summary>Runs a tile of one to three registers of columns and of as many rows as <see cref="Tiles"/> gives it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int rows, int registers, T* a, long aRow, long aDepth, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        if (registers == 3)
            Run<Three>(rows, a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
        else if (registers == 2)
            Run<Two>(rows, a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
        else
            Run<One>(rows, a, aRow, aDepth, b, bDepth, depth, c, ldc, accumulate);
    }

    /// <summary>The same for a packed tile: a[p · rows + i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RunPacked(int rows, int registers, T* a, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        if (Vector512.IsHardwareAccelerated || registers != 2)
            Run(rows, registers, a, 1, rows, b, bDepth, depth, c, ldc, accumulate);
        else
            RunPacked(rows, a, b, bDepth, depth, c, ldc, accumulate);
    }

    private static void RunPacked(int rows, T* a, T* b, long bDepth, int depth, T* c, long ldc, bool accumulate)
    {
        switch (rows)
        {
            case 1:
                PackedMicroKernel<V, T, One>.Run(a, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 2:
                PackedMicroKernel<V, T, Two>.Run(a, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 3:
                PackedMicroKernel<V, T, Three>.Run(a, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 4:
                PackedMicroKernel<V, T, Four>.Run(a, b, bDepth, depth, c, ldc, accumulate);
                break;
            case 5:
                PackedMicroKernel<V, T, Five>.Run(a, b, bDepth, depth, c, ldc, accumulate);
                break;
            default:
                PackedMicroKernel<V, T, Six>.Run(a, b, bDepth, depth, c, ldc, accumulate);
                break;
        }
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
