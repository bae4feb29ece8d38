using System.Numerics;

namespace Gradients.Engine.Kernels;

/// <summary>y = e^(x − max) / Σ e^(x − max). A row of −∞ only, and a row with +∞ or NaN, give NaN as IEEE arithmetic does.</summary>
internal readonly unsafe struct SoftmaxFunction : IRowFunction
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* x = operands.Input<T>(0) + (first * n), y = operands.Output<T>() + (first * n);
        for (long row = first; row < end; row++, x += n, y += n)
        {
            V max = V.Broadcast(RowLoops<V, T>.Max(x, n));
            double sum = RowLoops<V, T>.MapSum(new ShiftedExpTerm<V, T>(max), x, x, y, n);
            RowLoops<V, T>.Map(new ScaledTerm<V, T>(V.Constant(1 / sum)), y, y, y, n);
        }
    }
}

/// <summary>y = (x − max) − ln Σ e^(x − max); NaN where the softmax is.</summary>
internal readonly unsafe struct LogSoftmaxFunction : IRowFunction
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* x = operands.Input<T>(0) + (first * n), y = operands.Output<T>() + (first * n);
        for (long row = first; row < end; row++, x += n, y += n)
        {
            V max = V.Broadcast(RowLoops<V, T>.Max(x, n));
            double sum = RowLoops<V, T>.Sum(new ShiftedExpTerm<V, T>(max), x, x, n);
            RowLoops<V, T>.Map(new DifferenceTerm<V, T>(max, V.Constant(Math.Log(sum))), x, x, y, n);
        }
    }
}

/// <summary>dx = y · (g − Σ g y) from the softmax y and the cotangent g.</summary>
internal readonly unsafe struct SoftmaxGradientFunction : IRowFunction
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* y = operands.Input<T>(0) + (first * n), g = operands.Input<T>(1) + (first * n), dx = operands.Output<T>() + (first * n);
        for (long row = first; row < end; row++, y += n, g += n, dx += n)
        {
            double sum = RowLoops<V, T>.Sum(default(ProductTerm<V, T>), y, g, n);
            RowLoops<V, T>.Map(new ShiftedProductTerm<V, T>(V.Constant(sum)), y, g, dx, n);
        }
    }
}

/// <summary>dx = g − e^y · Σ g from the logarithm y of the softmax and the cotangent g.</summary>
internal readonly unsafe struct LogSoftmaxGradientFunction : IRowFunction
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* y = operands.Input<T>(0) + (first * n), g = operands.Input<T>(1) + (first * n), dx = operands.Output<T>() + (first * n);
        for (long row = first; row < end; row++, y += n, g += n, dx += n)
        {
            double sum = RowLoops<V, T>.Sum(default(ElementTerm<V, T>), g, g, n);
            RowLoops<V, T>.Map(new LessExpTerm<V, T>(V.Constant(sum)), y, g, dx, n);
        }
    }
}
