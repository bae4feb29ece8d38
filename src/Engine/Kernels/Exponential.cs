using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// The pieces of e^x = 2^n · (1 + r + r² q(r)) with n = round(x / ln 2) and |r| ≤ ln 2 / 2. ln 2 is taken in two parts, of
/// which the first has so few digits that n times it is exact. q is the minimax polynomial of (e^r − 1 − r)/r² with
/// weight r²: below 3.1e-9 (float32) and 3.7e-18 (float64) of e^r.
/// </summary>
internal static class Exponential
{
    /// <summary>The nearest integer of a number that is small beside 2^22 (float32) or 2^51 (float64).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Round<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V rounder = V.Constant(typeof(T) == typeof(float) ? FloatBits.SingleRounder : FloatBits.DoubleRounder);
        return x + rounder - rounder;
    }

    /// <summary>x = n ln 2 + r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Reduce<V, T>(V x, out V n)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V rounder = V.Constant(typeof(T) == typeof(float) ? FloatBits.SingleRounder : FloatBits.DoubleRounder);
        n = V.MultiplyAdd(x, V.Constant(1.4426950408889634), rounder) - rounder;
        V r = V.MultiplyAdd(n, V.Constant(typeof(T) == typeof(float) ? -0.693359375 : -6.93147180369123816490e-01), x);
        return V.MultiplyAdd(n, V.Constant(typeof(T) == typeof(float) ? 2.12194440054690583e-4 : -1.90821492927058770002e-10), r);
    }

    /// <summary>q(r).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Remainder<V, T>(V r)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
            return Polynomial.Evaluate<V, T>(r, 0.49999994, 0.166665196, 0.0416683927, 0.00836877991, 0.001381448);
        return Polynomial.Evaluate<V, T>(r,
            0.5000000000000011, 0.1666666666666641, 0.04166666666652919, 0.008333333333495717, 0.0013888888943922276,
            0.00019841269504566983, 2.4801492762802962e-05, 2.7557587514363036e-06, 2.763037872362347e-07, 2.499991295204019e-08);
    }

    /// <summary>e^x for x ≤ 89 (float32) or 710; 0 below every number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V OfBounded<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V one = V.Constant(1);
        V r = Reduce<V, T>(V.AtLeast(x, V.Constant(typeof(T) == typeof(float) ? -104 : -746)), out V n);
        return V.Scale(V.MultiplyAdd(V.MultiplyAdd(Remainder<V, T>(r), r, one), r, one), n);
    }
}
