using System.Numerics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Softmax and its logarithm over the rows of a contiguous [rows, columns] block, shifted by the row's maximum.
/// A row of −∞ only, and a row with +∞ or NaN, give NaN as IEEE arithmetic does. y may be exactly x.
/// A unit is a run of whole rows; units run in any order or at the same time.
/// </summary>
public static unsafe class Softmax
{
    private const long UnitElements = 1 << 17;
    private const int Block = ReductionPlan.BlockElements;

    public static int UnitCount(long rows, long columns) =>
        columns == 0 ? 0 : checked((int)((rows + RowsPerUnit(columns) - 1) / RowsPerUnit(columns)));

    /// <summary>y = e^(x − max) / Σ e^(x − max).</summary>
    public static void Run<T>(T* x, T* y, long rows, long columns, int unit)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (first, end) = Rows(rows, columns, unit);
        for (long row = first; row < end; row++)
        {
            T* input = x + row * columns, output = y + row * columns;
            T max = Folds.Row<MaxFunction, T>(input, columns, T.NegativeInfinity);
            double sum = 0;
            for (long i = 0; i < columns; i += Block)
            {
                int n = (int)Math.Min(Block, columns - i);
                ShiftedRows.Subtract(input + i, output + i, n, max);
                Elementwise.Exp<T>(new(output + i, n), new(output + i, n));
                sum += ShiftedRows.Sum(output + i, n);
            }

            for (long i = 0; i < columns; i += Block)
                ShiftedRows.Divide(output + i, output + i, (int)Math.Min(Block, columns - i), T.CreateTruncating(sum));
        }
    }

    /// <summary>y = (x − max) − ln Σ e^(x − max).</summary>
    public static void RunLog<T>(T* x, T* y, long rows, long columns, int unit)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T* e = stackalloc T[Block];
        var (first, end) = Rows(rows, columns, unit);
        for (long row = first; row < end; row++)
        {
            T* input = x + row * columns, output = y + row * columns;
            T max = Folds.Row<MaxFunction, T>(input, columns, T.NegativeInfinity);
            double sum = 0;
            for (long i = 0; i < columns; i += Block)
            {
                int n = (int)Math.Min(Block, columns - i);
                ShiftedRows.Subtract(input + i, output + i, n, max);
                Elementwise.Exp<T>(new(output + i, n), new(e, n));
                sum += ShiftedRows.Sum(e, n);
            }

            T logarithm = T.CreateTruncating(Math.Log(sum));
            for (long i = 0; i < columns; i += Block)
                ShiftedRows.Subtract(output + i, output + i, (int)Math.Min(Block, columns - i), logarithm);
        }
    }

    private static (long First, long End) Rows(long rows, long columns, int unit)
    {
        long first = unit * RowsPerUnit(columns);
        return (first, Math.Min(rows, first + RowsPerUnit(columns)));
    }

    private static long RowsPerUnit(long columns) => Math.Max(1, UnitElements / columns);
}
