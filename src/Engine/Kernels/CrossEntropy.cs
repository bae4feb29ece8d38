using System.Numerics;

namespace Gradients.Engine.Kernels;

/// <summary>loss[r] = ln Σ e^x[r, ·] − x[r, class[r]], with the row's maximum as the shift.</summary>
internal readonly unsafe struct CrossEntropyFunction : IRowFunction
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* x = operands.Input<T>(0) + (first * n), loss = operands.Output<T>();
        long* classes = operands.Input<long>(1);
        for (long row = first; row < end; row++, x += n)
        {
            CheckClass(classes[row], row, n);
            T max = RowLoops<V, T>.Max(x, n);
            double sum = RowLoops<V, T>.Sum(new ShiftedExpTerm<V, T>(V.Broadcast(max)), x, x, n);
            // The difference first: near a certain prediction both terms are small.
            loss[row] = T.CreateTruncating(Math.Log(sum) - (double.CreateTruncating(x[classes[row]]) - double.CreateTruncating(max)));
        }
    }

    /// <exception cref="GradientsException">INDEX_OUT_OF_RANGE for a class outside [0, count).</exception>
    public static void CheckClass(long index, long row, long count)
    {
        if (index < 0 || index >= count)
            throw new GradientsException(ErrorCode.OutOfRange, ErrorReasons.IndexOutOfRange, $"Class {index} at position {row} is outside [0, {count}).");
    }
}

/// <summary>dx[r, ·] = g[r] · (softmax(x[r, ·]) − onehot(class[r])).</summary>
internal readonly unsafe struct CrossEntropyGradientFunction : IRowFunction
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* x = operands.Input<T>(0) + (first * n), g = operands.Input<T>(2), dx = operands.Output<T>() + (first * n);
        long* classes = operands.Input<long>(1);
        for (long row = first; row < end; row++, x += n, dx += n)
        {
            CrossEntropyFunction.CheckClass(classes[row], row, n);
            V max = V.Broadcast(RowLoops<V, T>.Max(x, n));
            double sum = RowLoops<V, T>.MapSum(new ShiftedExpTerm<V, T>(max), x, x, dx, n);
            T numerator = dx[classes[row]];
            double factor = double.CreateTruncating(g[row]) / sum;
            RowLoops<V, T>.Map(new ScaledTerm<V, T>(V.Constant(factor)), dx, dx, dx, n);
            // p − 1 = (e − Σ e) / Σ e, which keeps the digits of 1 − p better than the rounded p.
            dx[classes[row]] = T.CreateTruncating((double.CreateTruncating(numerator) - sum) * factor);
        }
    }
}
