using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// e^x, subnormal results included. float32 goes through float64, where e^0 is exactly 1. The register's exponential takes another path for all of its lanes when one of them is special,
/// so such lanes never reach it.
/// </summary>
internal readonly struct ExpFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
            return V.ThroughDouble<BoundedExpFunction>(x);
        V isOrdinary = V.Less(V.Abs(x), V.Constant(707));
        return V.MaskBits(isOrdinary) == (1UL << V.Count) - 1 ? V.Exp(x) : WithSpecialLanes<V, T>(x);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V WithSpecialLanes<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V zero = V.Constant(0);
        V isOrdinary = V.Less(V.Abs(x), V.Constant(707)), isNumber = V.Equal(x, x);
        V y = V.Exp(V.Select(isOrdinary, x, zero));
        // e^x = (e^(x/2))² overflows and underflows where e^x does.
        V halved = V.Select(isNumber, x, zero) * V.Constant(0.5);
        V root = V.Exp(V.Min(V.Max(halved, V.Constant(-400)), V.Constant(400)));
        return V.Select(isOrdinary, y, V.Select(isNumber, root * root, x));
    }
}

/// <summary>e^x with x brought into [−150, 150], beyond which float32 has 0 and ∞.</summary>
internal readonly struct BoundedExpFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V isNumber = V.Equal(x, x);
        V bounded = V.Min(V.Max(V.Select(isNumber, x, V.Constant(0)), V.Constant(-150)), V.Constant(150));
        return V.Select(isNumber, V.Exp(bounded), x);
    }
}

/// <summary>ln x. As with the exponential, only normal numbers reach the register's logarithm.</summary>
internal readonly struct LogFunction : IUnaryFunction
{
    private const double LogOfScale = 37.429947750237048;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        ulong below = V.MaskBits(V.Less(x, Least<V, T>())), finite = V.MaskBits(V.Less(x, V.Constant(double.PositiveInfinity)));
        return (finite & ~below) == (1UL << V.Count) - 1 ? V.Log(x) : WithSpecialLanes<V, T>(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Least<V, T>()
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> =>
        V.Constant(typeof(T) == typeof(float) ? 1.17549435082228751e-38 : 2.2250738585072014e-308);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V WithSpecialLanes<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V zero = V.Constant(0), one = V.Constant(1), infinity = V.Constant(double.PositiveInfinity);
        // 1 stands in for every lane that is not a normal positive number, NaN included.
        V normal = V.Select(V.Less(x, Least<V, T>()), one, V.Select(V.Less(x, infinity), x, one));
        V y = V.Log(normal);
        // ln x = ln(2^54 x) − 54 ln 2 for subnormal x.
        V isSubnormal = V.Less(V.Abs(x), Least<V, T>());
        V scaled = x * V.Constant(18014398509481984);
        scaled = V.Log(V.Select(V.Less(zero, scaled), V.Select(isSubnormal, scaled, one), one)) - V.Constant(LogOfScale);
        V limit = V.Select(V.Equal(x, zero), -infinity, V.Select(V.Less(x, zero), V.Constant(double.NaN), V.Select(isSubnormal, scaled, x)));
        return V.Select(V.Equal(normal, x), y, limit);
    }
}

/// <summary>
/// ln(1 + x). With u = 1 + x rounded, ln(u)·x/(u − 1) cancels the rounding of u to first order
/// (Kahan; Higham, Accuracy and Stability of Numerical Algorithms, §1.14.1).
/// </summary>
internal readonly struct Log1PFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
            return V.ThroughDouble<Log1PFunction>(x);
        V one = V.Constant(1);
        V u = one + x;
        V log = LogFunction.Invoke<V, T>(u);
        // Beyond 2^53 u is x itself, and the quotient of infinities is avoided.
        V corrected = V.Select(V.Less(V.Constant(9007199254740992), x), log, log * (x / (u - one)));
        return V.Select(V.Equal(u, one), x, corrected);
    }
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
        V e = ExpFunction.Invoke<V, T>(-V.Abs(x));
        return V.Select(V.Less(x, V.Constant(0)), e, one) / (one + e);
    }
}

/// <summary>
/// tanh x: x + x³ P(x²)/Q(x²) for |x| &lt; 0.625, else ±(1 − 2/(e^2|x| + 1)).
/// Coefficients: S. L. Moshier, Cephes Mathematical Library, tanh.c and tanhf.c.
/// </summary>
internal readonly struct TanhFunction : IUnaryFunction
{
    private static ReadOnlySpan<double> Single =>
        [-3.33332819422E-1, 1.33314422036E-1, -5.37397155531E-2, 2.06390887954E-2, -5.70498872745E-3];

    private static ReadOnlySpan<double> Numerator =>
        [-1.61468768441708447952E3, -9.92877231001918586564E1, -9.64399179425052238628E-1];

    private static ReadOnlySpan<double> Denominator =>
        [4.84406305325125486048E3, 2.23548839060100448583E3, 1.12811678491632931402E2, 1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V one = V.Constant(1);
        V magnitude = V.Abs(x);
        V tail = one - V.Constant(2) / (ExpFunction.Invoke<V, T>(magnitude + magnitude) + one);
        tail = V.Select(V.Less(x, V.Constant(0)), -tail, tail);

        V square = x * x;
        V ratio = typeof(T) == typeof(float)
            ? Polynomial.Evaluate<V, T>(square, Single)
            : Polynomial.Evaluate<V, T>(square, Numerator) / Polynomial.Evaluate<V, T>(square, Denominator);
        V near = V.MultiplyAdd(x * square, ratio, x);
        // Keeps −0, whose sum with +0 would lose the sign.
        near = V.Select(V.Equal(square, V.Constant(0)), x, near);
        return V.Select(V.Less(magnitude, V.Constant(0.625)), near, tail);
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
        V e = ExpFunction.Invoke<V, T>(-V.Abs(x));
        return V.Max(x, V.Constant(0)) + Log1PFunction.Invoke<V, T>(e);
    }
}
