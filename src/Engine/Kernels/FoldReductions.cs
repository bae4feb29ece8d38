using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Σ x in the type of x: float64, and int64 which wraps.</summary>
internal readonly unsafe struct SumReduction<T> : IReduction<T, T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ReduceRow(T* x, int n) => Folds.Row<AddFunction, T, T>(x, n, T.Zero);

    public static void ReduceColumns(T* x, int rows, long stride, int columns, bool isFar, T* state)
    {
        new Span<T>(state, columns).Clear();
        Folds.Columns<AddFunction, T, T>(x, rows, stride, columns, isFar, state);
    }

    public static T Combine(T x, T y) => x + y;

    public static T Finish(T state) => state;

    public static void Finish(T* state, int columns, T* y) => new ReadOnlySpan<T>(state, columns).CopyTo(new Span<T>(y, columns));
}

/// <summary>Σ x of float32, summed in float64 and rounded once.</summary>
internal readonly unsafe struct SingleSumReduction : IReduction<float, double>
{
    public static double Identity => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double ReduceRow(float* x, int n) => Folds.Row<AddFunction, float, double>(x, n, 0);

    public static void ReduceColumns(float* x, int rows, long stride, int columns, bool isFar, double* state)
    {
        new Span<double>(state, columns).Clear();
        Folds.Columns<AddFunction, float, double>(x, rows, stride, columns, isFar, state);
    }

    public static double Combine(double x, double y) => x + y;

    public static float Finish(double state) => (float)state;

    public static void Finish(double* state, int columns, float* y) =>
        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<double>(state, columns), new Span<float>(y, columns));
}

/// <summary>The greatest element; NaN propagates.</summary>
internal readonly unsafe struct MaxReduction<T> : IReduction<T, T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.CreateSaturating(double.NegativeInfinity);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ReduceRow(T* x, int n) => ExtremeRows.TryFold<MaxFunction, T>(x, n, out T max) ? max : Folds.Row<MaxFunction, T, T>(x, n, Identity);

    public static void ReduceColumns(T* x, int rows, long stride, int columns, bool isFar, T* state)
    {
        new Span<T>(state, columns).Fill(Identity);
        Folds.Columns<MaxFunction, T, T>(x, rows, stride, columns, isFar, state);
    }

    public static T Combine(T x, T y) => T.Max(x, y);

    public static T Finish(T state) => state;

    public static void Finish(T* state, int columns, T* y) => new ReadOnlySpan<T>(state, columns).CopyTo(new Span<T>(y, columns));
}

/// <summary>The least element; NaN propagates.</summary>
internal readonly unsafe struct MinReduction<T> : IReduction<T, T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.CreateSaturating(double.PositiveInfinity);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ReduceRow(T* x, int n) => ExtremeRows.TryFold<MinFunction, T>(x, n, out T min) ? min : Folds.Row<MinFunction, T, T>(x, n, Identity);

    public static void ReduceColumns(T* x, int rows, long stride, int columns, bool isFar, T* state)
    {
        new Span<T>(state, columns).Fill(Identity);
        Folds.Columns<MinFunction, T, T>(x, rows, stride, columns, isFar, state);
    }

    public static T Combine(T x, T y) => T.Min(x, y);

    public static T Finish(T state) => state;

    public static void Finish(T* state, int columns, T* y) => new ReadOnlySpan<T>(state, columns).CopyTo(new Span<T>(y, columns));
}
