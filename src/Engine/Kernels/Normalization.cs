using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Whether rows are centred before they are scaled to mean square 1.</summary>
internal interface ICentering
{
    static abstract bool IsCentred { get; }
}

/// <summary>Layer normalization: x̂ = (x − μ) r with r = 1/√(σ² + ε).</summary>
internal readonly struct Centred : ICentering
{
    public static bool IsCentred => true;
}

/// <summary>Root-mean-square normalization: x̂ = x r with r = 1/√(mean x² + ε).</summary>
internal readonly struct Uncentred : ICentering
{
    public static bool IsCentred => false;
}

/// <summary>The statistics of a row: the mean first, then the mean square of the differences, as two loops over a row in cache.</summary>
internal static unsafe class RowStatistics<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V Mean, V Scale) Of<TCentering>(T* x, long n, double epsilon)
        where TCentering : struct, ICentering
    {
        V mean = V.Constant(TCentering.IsCentred ? RowLoops<V, T>.Sum(default(ElementTerm<V, T>), x, x, n) / n : 0);
        double square = RowLoops<V, T>.Sum(new SquareTerm<V, T>(mean), x, x, n) / n;
        return (mean, V.Constant(1 / Math.Sqrt(square + epsilon)));
    }
}

/// <summary>y = x̂, x̂ · s or x̂ · s + b for x[rows, columns], s[columns], b[columns]; the parameter is ε.</summary>
internal readonly unsafe struct NormalizationFunction<TCentering, TOperands> : IRowFunction
    where TCentering : struct, ICentering
    where TOperands : struct, IOperandCount
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* x = operands.Input<T>(0) + (first * n), y = operands.Output<T>() + (first * n);
        T* scale = TOperands.Count > 1 ? operands.Input<T>(1) : null, shift = TOperands.Count > 2 ? operands.Input<T>(2) : null;
        for (long row = first; row < end; row++, x += n, y += n)
        {
            var (mean, r) = RowStatistics<V, T>.Of<TCentering>(x, n, operands.Parameter);
            Map(x, mean, r, scale, shift, y, n);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Map<V, T>(T* x, V mean, V r, T* scale, T* shift, T* y, long n)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long i = 0;
        for (; i <= n - (2 * V.Count); i += 2 * V.Count)
        {
            V y0 = Of(V.Load(x + i), mean, r, scale + i, shift + i);
            V y1 = Of(V.Load(x + i + V.Count), mean, r, scale + i + V.Count, shift + i + V.Count);
            y0.Store(y + i);
            y1.Store(y + i + V.Count);
        }

        for (; i <= n - V.Count; i += V.Count)
            Of(V.Load(x + i), mean, r, scale + i, shift + i).Store(y + i);
        int rest = (int)(n - i);
        if (rest > 0)
        {
            V value = (V.LoadFirst(x + i, rest, V.Constant(0)) - mean) * r;
            if (TOperands.Count > 1)
                value *= V.LoadFirst(scale + i, rest, V.Constant(0));
            if (TOperands.Count > 2)
                value += V.LoadFirst(shift + i, rest, V.Constant(0));
            value.StoreFirst(y + i, rest);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Of<V, T>(V x, V mean, V r, T* scale, T* shift)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V value = (x - mean) * r;
        if (TOperands.Count > 1)
            value *= V.Load(scale);
        if (TOperands.Count > 2)
            value += V.Load(shift);
        return value;
    }
}

/// <summary>
/// dx = r (ĝ − mean ĝ − x̂ · mean(ĝ x̂)) for x, g[rows, columns] with ĝ = g, or g · s with s[columns]; without the mean of ĝ where
/// rows are not centred. The parameter is ε.
/// </summary>
internal readonly unsafe struct NormalizationGradientFunction<TCentering, TOperands> : IRowFunction
    where TCentering : struct, ICentering
    where TOperands : struct, IOperandCount
{
    public static void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = operands.Columns;
        T* x = operands.Input<T>(0) + (first * n), g = operands.Input<T>(1) + (first * n), dx = operands.Output<T>() + (first * n);
        T* scale = TOperands.Count > 2 ? operands.Input<T>(2) : null;
        for (long row = first; row < end; row++, x += n, g += n, dx += n)
        {
            var (mean, r) = RowStatistics<V, T>.Of<TCentering>(x, n, operands.Parameter);
            // ĝ is kept in the output between the loops.
            double total = TOperands.Count > 2
                ? RowLoops<V, T>.MapSum(default(ProductTerm<V, T>), g, scale, dx, n)
                : RowLoops<V, T>.MapSum(default(ElementTerm<V, T>), g, g, dx, n);
            double product = RowLoops<V, T>.Sum(new NormalizedProductTerm<V, T>(mean, r), x, dx, n);
            var term = new NormalizationGradientTerm<V, T>(mean, r, V.Constant(TCentering.IsCentred ? total / n : 0), V.Constant(product / n));
            RowLoops<V, T>.Map(term, x, dx, dx, n);
        }
    }
}

/// <summary>x̂ · y.</summary>
internal readonly struct NormalizedProductTerm<V, T>(V mean, V scale) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    public static bool IsOfTwo => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => (x - mean) * scale * y;
}

/// <summary>r (y − first − x̂ · second).</summary>
internal readonly struct NormalizationGradientTerm<V, T>(V mean, V scale, V first, V second) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    public static bool IsOfTwo => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => (y - first - (x - mean) * scale * second) * scale;
}

/// <summary>How many operands a loop has, known when it is compiled.</summary>
internal interface IOperandCount
{
    static abstract int Count { get; }
}

internal readonly struct OneOperand : IOperandCount
{
    public static int Count => 1;
}

internal readonly struct TwoOperands : IOperandCount
{
    public static int Count => 2;
}

internal readonly struct ThreeOperands : IOperandCount
{
    public static int Count => 3;
}
