using System.Numerics;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double ReduceRow(float* x, int n)
    {
        Vector<double> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - (2 * Vector<float>.Count); i += 2 * Vector<float>.Count)
        {
            Vector.Widen(Vector.Load(x + i), out var low, out var high);
            s0 += low;
            s1 += high;
            Vector.Widen(Vector.Load(x + i + Vector<float>.Count), out low, out high);
            s2 += low;
            s3 += high;
        }

        double sum = i == 0 ? 0 : Vector.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++)
            sum += x[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ReduceColumns(float* x, int rows, long stride, int columns, double* state)
    {
        int j = 0;
        for (; j <= columns - (4 * Vector<float>.Count); j += 4 * Vector<float>.Count)
        {
            Vector<double> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
            float* row = x + j;
            for (int r = 0; r < rows; r++, row += stride)
            {
                Vector.Widen(Vector.Load(row), out var low, out var high);
                s0 += low;
                s1 += high;
                Vector.Widen(Vector.Load(row + Vector<float>.Count), out low, out high);
                s2 += low;
                s3 += high;
                Vector.Widen(Vector.Load(row + (2 * Vector<float>.Count)), out low, out high);
                s4 += low;
                s5 += high;
                Vector.Widen(Vector.Load(row + (3 * Vector<float>.Count)), out low, out high);
                s6 += low;
                s7 += high;
            }

            double* to = state + j;
            s0.Store(to);
            s1.Store(to + Vector<double>.Count);
            s2.Store(to + (2 * Vector<double>.Count));
            s3.Store(to + (3 * Vector<double>.Count));
            s4.Store(to + (4 * Vector<double>.Count));
            s5.Store(to + (5 * Vector<double>.Count));
            s6.Store(to + (6 * Vector<double>.Count));
            s7.Store(to + (7 * Vector<double>.Count));
        }

        for (; j <= columns - Vector<float>.Count; j += Vector<float>.Count)
        {
            Vector<double> s0 = default, s1 = default;
            float* row = x + j;
            for (int r = 0; r < rows; r++, row += stride)
            {
                Vector.Widen(Vector.Load(row), out var low, out var high);
                s0 += low;
                s1 += high;
            }

            s0.Store(state + j);
            s1.Store(state + j + Vector<double>.Count);
        }

        for (; j < columns; j++)
        {
            double sum = 0;
            for (int r = 0; r < rows; r++)
                sum += x[(r * stride) + j];
            state[j] = sum;
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
