using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>e^x, subnormal results included.</summary>
internal readonly struct ExpFunction : IUnaryFunction
{
    // e^x overflows before the upper bound and is below half of the least number before the lower one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> =>
        Exponential.OfBounded<V, T>(V.AtMost(x, V.Constant(typeof(T) == typeof(float) ? 89 : 710)));
}

/// <summary>1 / (1 + e^−x), as e^x / (1 + e^x) for negative x.</summary>
internal readonly struct SigmoidFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V one = V.Constant(1);
        V e = Exponential.OfBounded<V, T>(-V.Abs(x));
        return V.Select(V.Less(x, V.Constant(0)), e, one) / (one + e);
    }
}

/// <summary>
/// tanh |x| = −m / (2 + m) with m = e^(−2|x|) − 1 = 2^n (r + r² q(r)) + (2^n − 1), where 2^n − 1 is exact; from m = −2/3 on
/// 1 − 2(m + 1) / (2 + m), where m + 1 is exact and the quotient's rounding counts less.
/// </summary>
internal readonly struct TanhFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V one = V.Constant(1), two = V.Constant(2);
        V magnitude = V.Abs(x);
        // tanh rounds to 1 from 9.1 (float32) and 19.1 on.
        V r = Exponential.Reduce<V, T>(V.AtLeast(-(magnitude + magnitude), V.Constant(-40)), out V n);
        V power = V.PowerOfTwo(n);
        V m = V.MultiplyAdd(power, V.MultiplyAdd(r * r, Exponential.Remainder<V, T>(r), r), power - one);
        V isNear = V.Less(V.Constant(-2.0 / 3), m);
        V quotient = V.Select(isNear, m, two * (m + one)) / (two + m);
        return V.CopySign(V.Select(isNear, quotient, one - quotient), x);
    }
}

/// <summary>ln(1 + e^x) = max(x, 0) + log1p(e^−|x|).</summary>
internal readonly struct SoftplusFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
            return V.ThroughDouble<SoftplusFunction>(x);
        V e = Exponential.OfBounded<V, T>(-V.Abs(x));
        return V.Max(x, V.Constant(0)) + Log1PFunction.Invoke<V, T>(e);
    }
}
