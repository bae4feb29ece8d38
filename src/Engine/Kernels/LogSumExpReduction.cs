using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Σ e^(x − shift) beside max x; the shift is the maximum where that is finite, else 0.</summary>
internal readonly record struct LogSumExpState(double Max, double Sum)
{
    public double Shift => double.IsFinite(Max) ? Max : 0;
}

/// <summary>
/// ln Σ e^x = shift + ln Σ e^(x − shift): −∞ for no elements and for all −∞, +∞ with any +∞ and no NaN, NaN with any NaN.
/// Exponentials are taken in T, summed in T over short runs, and the runs in float64.
/// </summary>
internal readonly unsafe struct LogSumExpReduction<T> : IReduction<T, LogSumExpState>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows that are summed in T.</summary>
    private const int RowsInT = 16;

    public static LogSumExpState Identity => new(double.NegativeInfinity, 0);

    public static LogSumExpState ReduceRow(T* x, int n)
    {
        if (Vector512.IsHardwareAccelerated)
            return Row<Lanes512<T>>(x, n);
        if (Vector256.IsHardwareAccelerated)
            return Row<Lanes256<T>>(x, n);
        return Vector128.IsHardwareAccelerated ? Row<Lanes128<T>>(x, n) : Row<ScalarLanes<T>>(x, n);
    }

    [SkipLocalsInit]
    public static void ReduceColumns(T* x, int rows, long stride, int columns, bool isFar, LogSumExpState* state)
    {
        T* max = stackalloc T[ReductionPlan.BlockColumns];
        MaxReduction<T>.ReduceColumns(x, rows, stride, columns, isFar, max);
        T* shift = stackalloc T[ReductionPlan.BlockColumns];
        T* part = stackalloc T[ReductionPlan.BlockColumns];
        for (int j = 0; j < columns; j++)
        {
            shift[j] = T.IsFinite(max[j]) ? max[j] : T.Zero;
            state[j] = new(double.CreateTruncating(max[j]), 0);
        }

        for (int r = 0; r < rows; r += RowsInT)
        {
            int count = Math.Min(RowsInT, rows - r);
            if (Vector512.IsHardwareAccelerated)
                Columns<Lanes512<T>>(x + (r * stride), count, stride, columns, shift, part);
            else if (Vector256.IsHardwareAccelerated)
                Columns<Lanes256<T>>(x + (r * stride), count, stride, columns, shift, part);
            else if (Vector128.IsHardwareAccelerated)
                Columns<Lanes128<T>>(x + (r * stride), count, stride, columns, shift, part);
            else
                Columns<ScalarLanes<T>>(x + (r * stride), count, stride, columns, shift, part);
            for (int j = 0; j < columns; j++)
                state[j] = state[j] with { Sum = state[j].Sum + double.CreateTruncating(part[j]) };
        }
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

    public static void Finish(LogSumExpState* state, int columns, T* y)
    {
        for (int j = 0; j < columns; j++)
            y[j] = Finish(state[j]);
    }

    private static LogSumExpState Row<V>(T* x, int n)
        where V : struct, ILanes<V, T>
    {
        T max = RowLoops<V, T>.Max(x, n);
        V shift = V.Broadcast(T.IsFinite(max) ? max : T.Zero);
        return new(double.CreateTruncating(max), RowLoops<V, T>.Sum(new ExpDifferenceTerm<V, T>(shift), x, x, n));
    }

    /// <summary>sum[j] = Σ e^(x[·, j] − shift[j]) over at most <see cref="RowsInT"/> rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns<V>(T* x, int rows, long stride, int columns, T* shift, T* sum)
        where V : struct, ILanes<V, T>
    {
        for (int j = 0; j < columns; j += V.Count)
        {
            int count = Math.Min(V.Count, columns - j);
            V zero = V.Constant(0), s = zero, own = V.LoadFirst(shift + j, count, zero);
            T* row = x + j;
            for (int r = 0; r < rows; r++, row += stride)
                s += ExpFunction.Invoke<V, T>(V.LoadFirst(row, count, zero) - own);
            s.StoreFirst(sum + j, count);
        }
    }
}
