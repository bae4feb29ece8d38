using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Σ e^(x − shift) beside max x; the shift is the maximum where that is finite, else 0.</summary>
internal readonly record struct LogSumExpState(double Max, double Sum)
{
    public double Shift => double.IsFinite(Max) ? Max : 0;
}

/// <summary>
/// ln Σ e^x = shift + ln Σ e^(x − shift): −∞ for no elements and for all −∞, +∞ with any +∞ and no NaN, NaN with any NaN.
/// Exponentials are taken in T, summed in float64.
/// </summary>
internal readonly unsafe struct LogSumExpReduction<T> : IReduction<T, LogSumExpState>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static LogSumExpState Identity => new(double.NegativeInfinity, 0);

    [SkipLocalsInit]
    public static LogSumExpState ReduceRow(T* x, int n)
    {
        T max = Folds.Row<MaxFunction, T>(x, n, T.NegativeInfinity);
        T* e = stackalloc T[ReductionPlan.BlockElements];
        ShiftedRows.Subtract(x, e, n, T.IsFinite(max) ? max : T.Zero);
        Elementwise.Exp<T>(new(e, n), new(e, n));
        return new(double.CreateTruncating(max), ShiftedRows.Sum(e, n));
    }

    [SkipLocalsInit]
    public static void ReduceColumns(T* x, int rows, long stride, int columns, LogSumExpState* state)
    {
        T* max = stackalloc T[ReductionPlan.BlockColumns];
        MaxReduction<T>.ReduceColumns(x, rows, stride, columns, max);
        T* shift = stackalloc T[ReductionPlan.BlockColumns];
        double* sum = stackalloc double[ReductionPlan.BlockColumns];
        for (int j = 0; j < columns; j++)
        {
            shift[j] = T.IsFinite(max[j]) ? max[j] : T.Zero;
            sum[j] = 0;
        }

        T* e = stackalloc T[ReductionPlan.BlockColumns];
        for (int r = 0; r < rows; r++, x += stride)
        {
            Elementwise.Sub<T>(new(x, columns), new(shift, columns), new(e, columns));
            Elementwise.Exp<T>(new(e, columns), new(e, columns));
            for (int j = 0; j < columns; j++)
                sum[j] += double.CreateTruncating(e[j]);
        }

        for (int j = 0; j < columns; j++)
            state[j] = new(double.CreateTruncating(max[j]), sum[j]);
    }

    public static LogSumExpState Combine(LogSumExpState x, LogSumExpState y)
    {
        // A side without mass adds nothing, whatever its shift is.
        if (x.Sum == 0)
            return y with { Max = Math.Max(x.Max, y.Max) };
        if (y.Sum == 0)
            return x with { Max = Math.Max(x.Max, y.Max) };
        var union = new LogSumExpState(Math.Max(x.Max, y.Max), 0);
        return union with { Sum = x.Sum * Math.Exp(x.Shift - union.Shift) + y.Sum * Math.Exp(y.Shift - union.Shift) };
    }

    public static T Finish(LogSumExpState state) => T.CreateTruncating(state.Shift + Math.Log(state.Sum));
}
