using System.Numerics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Reductions of the middle axis of a contiguous [outer, reduce, inner] block to [outer, inner]. The units of one call
/// share one block of memory; every unit but the last may run in any order or at the same time, the last one after them
/// all. The order of every sum is a function of the shape alone. Input and output do not overlap.
/// </summary>
public static unsafe class Reduction
{
    /// <summary>How many units a reduction has; 0 when the output is empty.</summary>
    public static int UnitCount(long outer, long reduce, long inner) => new ReductionPlan(outer, reduce, inner).UnitCount;

    /// <summary>How many of them, from the first, are independent of one another.</summary>
    public static int ConcurrentUnits(long outer, long reduce, long inner) => checked((int)new ReductionPlan(outer, reduce, inner).TaskUnits);

    /// <summary>Bytes that all units of one call share; enough for every reduction and element type.</summary>
    public static long SharedBytes(long outer, long reduce, long inner)
    {
        long chunks = new ReductionPlan(outer, reduce, inner).Chunks;
        return chunks > 1 ? checked(outer * chunks * inner * sizeof(LogSumExpState)) : 0;
    }

    /// <summary>y = Σ x for float32 (summed in float64), float64 and int64 (wraps); 0 over an empty axis.</summary>
    public static void Sum<T>(T* x, T* y, long outer, long reduce, long inner, void* shared, int unit)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
            ReductionDriver.Run<SingleSumReduction, float, double>((float*)x, (float*)y, outer, reduce, inner, shared, unit);
        else
            ReductionDriver.Run<SumReduction<T>, T, T>(x, y, outer, reduce, inner, shared, unit);
    }

    /// <summary>y = max x, NaN if any is NaN; the reduced axis is not empty.</summary>
    public static void Max<T>(T* x, T* y, long outer, long reduce, long inner, void* shared, int unit)
        where T : unmanaged, INumber<T> =>
        ReductionDriver.Run<MaxReduction<T>, T, T>(x, y, outer, reduce, inner, shared, unit);

    /// <summary>y = min x, NaN if any is NaN; the reduced axis is not empty.</summary>
    public static void Min<T>(T* x, T* y, long outer, long reduce, long inner, void* shared, int unit)
        where T : unmanaged, INumber<T> =>
        ReductionDriver.Run<MinReduction<T>, T, T>(x, y, outer, reduce, inner, shared, unit);

    /// <summary>y = ln Σ e^x without overflow: −∞ over an empty axis and for all −∞, +∞ with any +∞, NaN with any NaN.</summary>
    public static void LogSumExp<T>(T* x, T* y, long outer, long reduce, long inner, void* shared, int unit)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        ReductionDriver.Run<LogSumExpReduction<T>, T, LogSumExpState>(x, y, outer, reduce, inner, shared, unit);
}
