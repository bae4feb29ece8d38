using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Σ x in the type of x: float64, and int64 which wraps.</summary>
internal readonly unsafe struct SumReduction<T> : IReduction<T, T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.Zero;

    public static T ReduceRow(T* x, int n) => Folds.Row<AddFunction, T>(x, n, T.Zero);

    public static void ReduceColumns(T* x, int rows, long stride, int columns, T* state)
    {
        new Span<T>(state, columns).Clear();
        Folds.Columns<AddFunction, T>(x, rows, stride, columns, state);
    }

    public static T Combine(T x, T y) => x + y;

    public static T Finish(T state) => state;
}

/// <summary>Σ x of float32, summed in float64 and rounded once.</summary>
internal readonly unsafe struct SingleSumReduction : IReduction<float, double>
{
    public static double Identity => 0;

    [SkipLocalsInit]
    public static double ReduceRow(float* x, int n)
    {
        double* wide = stackalloc double[ReductionPlan.BlockElements];
        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(x, n), new Span<double>(wide, n));
        return Folds.Row<AddFunction, double>(wide, n, 0);
    }

    [SkipLocalsInit]
    public static void ReduceColumns(float* x, int rows, long stride, int columns, double* state)
    {
        double* wide = stackalloc double[ReductionPlan.BlockColumns];
        new Span<double>(state, columns).Clear();
        for (int r = 0; r < rows; r++, x += stride)
        {
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(x, columns), new Span<double>(wide, columns));
            Folds.Columns<AddFunction, double>(wide, 1, columns, columns, state);
        }
    }

    public static double Combine(double x, double y) => x + y;

    public static float Finish(double state) => (float)state;
}

/// <summary>The greatest element; NaN propagates.</summary>
internal readonly unsafe struct MaxReduction<T> : IReduction<T, T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.CreateSaturating(double.NegativeInfinity);

    public static T ReduceRow(T* x, int n) => Folds.Row<MaxFunction, T>(x, n, Identity);

    public static void ReduceColumns(T* x, int rows, long stride, int columns, T* state)
    {
        new Span<T>(state, columns).Fill(Identity);
        Folds.Columns<MaxFunction, T>(x, rows, stride, columns, state);
    }

    public static T Combine(T x, T y) => T.Max(x, y);

    public static T Finish(T state) => state;
}

/// <summary>The least element; NaN propagates.</summary>
internal readonly unsafe struct MinReduction<T> : IReduction<T, T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.CreateSaturating(double.PositiveInfinity);

    public static T ReduceRow(T* x, int n) => Folds.Row<MinFunction, T>(x, n, Identity);

    public static void ReduceColumns(T* x, int rows, long stride, int columns, T* state)
    {
        new Span<T>(state, columns).Fill(Identity);
        Folds.Columns<MinFunction, T>(x, rows, stride, columns, state);
    }

    public static T Combine(T x, T y) => T.Min(x, y);

    public static T Finish(T state) => state;
}
