using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>taken[q] = steps[p] of the first tap p with the largest band[offsets[p] + q], a NaN being larger than every number; −1 when all are −∞.</summary>
internal static unsafe class MaxPoolTile<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* band, long* offsets, T* steps, int taps, int positions, T* taken)
    {
        V lowest = V.Constant(double.NegativeInfinity), none = V.Constant(-1);
        ulong all = V.Count == 64 ? ulong.MaxValue : (1UL << V.Count) - 1;
        for (int q = 0; q < positions; q += V.Count)
        {
            V best = lowest, at = none;
            for (int p = 0; p < taps; p++)
            {
                V tap = V.Broadcast(steps[p]), value = V.Load(band + offsets[p] + q);
                V isLarger = V.Less(best, value), isNumber = V.Equal(value, value);
                if (V.MaskBits(isNumber) == all)
                {
                    at = V.Select(isLarger, tap, at);
                    best = V.Select(isLarger, value, best);
                    continue;
                }

                V isFirst = V.Equal(best, best);
                at = V.Select(isNumber, V.Select(isLarger, tap, at), V.Select(isFirst, tap, at));
                best = V.Select(isNumber, V.Select(isLarger, value, best), V.Select(isFirst, value, best));
            }

            at.Store(taken + q);
        }
    }
}
