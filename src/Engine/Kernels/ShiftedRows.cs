using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>The steps that softmax and LogSumExp share.</summary>
internal static unsafe class ShiftedRows
{
    /// <summary>y = x − shift.</summary>
    public static void Subtract<T>(T* x, T* y, int n, T shift)
        where T : unmanaged, IFloatingPointIeee754<T> => Combine<SubFunction, T>(x, y, n, shift);

    /// <summary>y = x / divisor.</summary>
    public static void Divide<T>(T* x, T* y, int n, T divisor)
        where T : unmanaged, IFloatingPointIeee754<T> => Combine<DivFunction, T>(x, y, n, divisor);

    /// <summary>Σ x in float64; n is at most <see cref="ReductionPlan.BlockElements"/>.</summary>
    public static double Sum<T>(T* x, int n)
        where T : unmanaged, IFloatingPointIeee754<T> => typeof(T) == typeof(float)
            ? SingleSumReduction.ReduceRow((float*)x, n)
            : SumReduction<double>.ReduceRow((double*)x, n);

    private static void Combine<TFunction, T>(T* x, T* y, int n, T scalar)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
            i = Whole<TFunction, Lanes512<T>, T>(x, y, i, n, scalar);
        else if (Vector256.IsHardwareAccelerated)
            i = Whole<TFunction, Lanes256<T>, T>(x, y, i, n, scalar);
        else if (Vector128.IsHardwareAccelerated)
            i = Whole<TFunction, Lanes128<T>, T>(x, y, i, n, scalar);
        // One correctly rounded operation gives the same bits in a register and alone.
        Whole<TFunction, ScalarLanes<T>, T>(x, y, i, n, scalar);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Whole<TFunction, V, T>(T* x, T* y, int i, int n, T scalar)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        V right = V.Broadcast(scalar);
        for (; i <= n - V.Count; i += V.Count)
            TFunction.Invoke<V, T>(V.Load(x + i), right).Store(y + i);
        return i;
    }
}
