using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>Rounding by adding and subtracting a large number.</summary>
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
}

/// <summary>
/// The pieces of e^x = 2^n · (1 + r + r² q(r)) with n = round(x / ln 2) and |r| ≤ ln 2 / 2. ln 2 is taken in two parts, of
/// which the first has so few digits that n times it is exact. q is the minimax polynomial of (e^r − 1 − r)/r² with
/// weight r²: below 3.1e-9 (float32) and 3.7e-18 (float64) of e^r.
/// </summary>
/// <remarks>An instance holds the constants: a loop that makes one in front of it keeps them in registers.</remarks>
internal readonly struct Exponential<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private readonly V _least;
    private readonly V _rounder;
    private readonly V _perLn2;
    private readonly V _high;
    private readonly V _low;
    private readonly V _q0;
    private readonly V _q1;
    private readonly V _q2;
    private readonly V _q3;
    private readonly V _q4;
    private readonly V _q5;
    private readonly V _q6;
    private readonly V _q7;
    private readonly V _q8;
    private readonly V _q9;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Exponential()
    {
        One = V.Constant(1);
        _least = Constant(-104, -746);
        _rounder = Constant(FloatBits.SingleRounder, FloatBits.DoubleRounder);
        _perLn2 = V.Constant(1.4426950408889634);
        _high = Constant(-0.693359375, -6.93147180369123816490e-01);
        _low = Constant(2.12194440054690583e-4, -1.90821492927058770002e-10);
        _q0 = Constant(0.49999994, 0.5000000000000011);
        _q1 = Constant(0.166665196, 0.1666666666666641);
        _q2 = Constant(0.0416683927, 0.04166666666652919);
        _q3 = Constant(0.00836877991, 0.008333333333495717);
        _q4 = Constant(0.001381448, 0.0013888888943922276);
        _q5 = V.Constant(0.00019841269504566983);
        _q6 = V.Constant(2.4801492762802962e-05);
        _q7 = V.Constant(2.7557587514363036e-06);
        _q8 = V.Constant(2.763037872362347e-07);
        _q9 = V.Constant(2.499991295204019e-08);
    }

    public V One { get; }

    /// <summary>x = n ln 2 + r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Reduce(V x, out V n)
    {
        n = V.MultiplyAdd(x, _perLn2, _rounder) - _rounder;
        return V.MultiplyAdd(n, _low, V.MultiplyAdd(n, _high, x));
    }

    /// <summary>q(r).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Remainder(V r)
    {
        V sum = _q4;
        if (typeof(T) == typeof(double))
        {
            sum = V.MultiplyAdd(_q9, r, _q8);
            sum = V.MultiplyAdd(sum, r, _q7);
            sum = V.MultiplyAdd(sum, r, _q6);
            sum = V.MultiplyAdd(sum, r, _q5);
            sum = V.MultiplyAdd(sum, r, _q4);
        }

        sum = V.MultiplyAdd(sum, r, _q3);
        sum = V.MultiplyAdd(sum, r, _q2);
        sum = V.MultiplyAdd(sum, r, _q1);
        return V.MultiplyAdd(sum, r, _q0);
    }

    /// <summary>e^x for x ≤ 89 (float32) or 710; 0 below every number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V OfBounded(V x)
    {
        V r = Reduce(V.AtLeast(x, _least), out V n);
        return V.Scale(V.MultiplyAdd(V.MultiplyAdd(Remainder(r), r, One), r, One), n);
    }

    /// <summary>e^x for x ≤ 0; 0 below every number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V OfNonPositive(V x)
    {
        V r = Reduce(V.AtLeast(x, _least), out V n);
        return V.ScaledSum(V.MultiplyAdd(Remainder(r), r, One), r, n);
    }

    /// <summary>e^(−t²/2) for 0 ≤ t ≤ 40. t² = h + l with h exact, or in a fused sum: its rounding would be magnified.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V OfMinusHalfSquare(V t)
    {
        V minusHalf = V.Constant(-0.5), r, n;
        if (typeof(V) == typeof(Lanes256<T>) && Fma.IsSupported)
        {
            // n times the first part of ln 2 is exact, and so is the square in the fused sum.
            V half = minusHalf * t;
            n = V.MultiplyAdd(half * t, _perLn2, _rounder) - _rounder;
            r = V.MultiplyAdd(n, _low, V.MultiplyAdd(half, t, n * _high));
        }
        else
        {
            V head = V.HighPart(t);
            r = V.MultiplyAdd(minusHalf * (t - head), t + head, Reduce(minusHalf * head * head, out n));
        }

        return V.ScaledSum(V.MultiplyAdd(Remainder(r), r, One), r, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Constant(double single, double wide) => V.Constant(typeof(T) == typeof(float) ? single : wide);
}
