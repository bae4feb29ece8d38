using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>e^x, subnormal results included.</summary>
internal readonly struct ExpFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V y = V.Exp(x);
        if (typeof(T) == typeof(double))
        {
            // Below ln of the least normal number the register form stops: e^x = (e^(x/2))².
            V below = V.Less(x, V.Constant(-708));
            if (V.Any(below))
            {
                V root = V.Exp(V.Max(x, V.Constant(-1400)) * V.Constant(0.5));
                y = V.Select(below, root * root, y);
            }
        }

        return y;
    }
}

/// <summary>ln x.</summary>
internal readonly struct LogFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Log(x);
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
        V log = V.Log(u);
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
        V tail = one - V.Constant(2) / (V.Exp(magnitude + magnitude) + one);
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
