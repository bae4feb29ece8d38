using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>erf in float32 arithmetic, by minimax polynomials with relative errors below 2e-8.</summary>
internal static class SingleErrorFunction
{
    /// <summary>x + x P(x²) for |x| ≤ 0.93, else ±(1 − e^(−t Q(t))) with t = min(|x|, 4), from where on erf rounds to 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V magnitude = V.Abs(x), square = x * x;
        V p = Polynomial.Evaluate<V, T>(square, 0.128379151, -0.376124948, 0.112818025, -0.0267655682, 0.00499098143, -0.000597689766);
        V near = V.MultiplyAdd(p, magnitude, magnitude);

        V t = V.AtMost(magnitude, V.Constant(4));
        V q = Polynomial.Evaluate<V, T>(t, 1.12851441, 0.635718286, 0.10526184, -0.0228899643, 0.00321495556, -0.000213984938);
        V far = V.Constant(1) - new Exponential<V, T>().OfBounded(-(q * t));
        return V.CopySign(V.Select(V.Less(magnitude, V.Constant(0.93)), near, far), x);
    }
}

/// <summary>
/// x Φ(x) for float32, in float64 arithmetic with the precision that float32 needs: max(x, 0) − |x|/2 · erfc(|x|/√2) with
/// erfc z = e^(−z²) u P(u), u = 1/(1 + 0.35 z); P and the exponential's polynomial are below 1e-8 of their functions.
/// The slope of erfc in u would multiply the rounding of a float32 u by up to three.
/// </summary>
internal readonly struct SingleGeluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V half = V.Constant(0.5), one = V.Constant(1);
        // Beyond 14.5 the second term is below every number.
        V t = V.AtMost(V.Abs(x), V.Constant(15));
        V u = one / V.MultiplyAdd(t, V.Constant(0.35 * 0.70710678118654752440), one);
        V p = Polynomial.Evaluate<V, T>(u,
            0.197485417, 0.197108567, 0.188134655, 0.150163397, 0.148848653,
            0.0820348635, -0.0219678227, 0.177324519, -0.15723066, 0.038098406);
        V halfT = half * t;
        V r = new Exponential<V, T>().Reduce(-(halfT * t), out V n);
        V e = Polynomial.Evaluate<V, T>(r, 1, 1, 0.49999994, 0.166665196, 0.0416683927, 0.00836877991, 0.001381448) * V.PowerOfTwo(n);
        V second = halfT * (e * (p * u));
        V y = V.Select(V.Less(x, V.Constant(0)), -second, x - second);
        return V.Select(V.Equal(t, V.Constant(0)), x, y);
    }
}
