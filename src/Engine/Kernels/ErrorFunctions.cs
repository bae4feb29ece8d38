using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// The pieces of erf on three ranges of |z|. The rational approximations are those of fdlibm's s_erf.c
/// (Copyright © 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro. Permission to use, copy,
/// modify and distribute is freely granted, provided that this notice is preserved), each below 2^-57 of its range's
/// function.
/// </summary>
internal static class ErrorFunction
{
    /// <summary>Up to here <see cref="Near"/> holds, then <see cref="Middle"/>.</summary>
    public const double NearEnd = 0.84375;

    /// <summary>From here on <see cref="Tail"/> holds.</summary>
    public const double MiddleEnd = 1.25;

    private const double ErfOfOne = 8.45062911510467529297e-01;

    /// <summary>erf z for |z| &lt; 0.84375.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Near<V, T>(V z)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V square = z * z;
        return z + z * (Polynomial.Evaluate<V, T>(square, 1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
                -5.77027029648944159157e-03, -2.37630166566501626084e-05)
            / Polynomial.Evaluate<V, T>(square, 1, 3.97917223959155352819e-01, 6.50222499887672944485e-02,
                5.08130628187576562776e-03, 1.32494738004321644526e-04, -3.96022827877536812320e-06));
    }

    /// <summary>erf z − c for 0.84375 ≤ z &lt; 1.25 with <paramref name="c"/> = erf 1 rounded to 24 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Middle<V, T>(V z, out V c)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        c = V.Constant(ErfOfOne);
        V s = z - V.Constant(1);
        return Polynomial.Evaluate<V, T>(s, -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01,
                -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03)
            / Polynomial.Evaluate<V, T>(s, 1, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
                1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02);
    }

    /// <summary>
    /// erfc z for 1.25 ≤ z &lt; 28: e^(−h − 0.5625) e^(−l + R(1/z²)/S(1/z²)) / z with z² = h + l, h exact.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tail<V, T>(V z, V h, V l)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V s = V.Constant(1) / (z * z);
        V ratio = Polynomial.Evaluate<V, T>(s, -9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01, -6.23753324503260060396e+01,
                -1.62396669462573470355e+02, -1.84605092906711035994e+02, -8.12874355063065934246e+01, -9.81432934416914548592e+00)
            / Polynomial.Evaluate<V, T>(s, 1, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02, 6.45387271733267880336e+02,
                4.29008140027567833386e+02, 1.08635005541779435134e+02, 6.57024977031928170135e+00, -6.04244152148580987438e-02);
        V far = Polynomial.Evaluate<V, T>(s, -9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01, -1.60636384855821916062e+02,
                -6.37566443368389627722e+02, -1.02509513161107724954e+03, -4.83519191608651397019e+02)
            / Polynomial.Evaluate<V, T>(s, 1, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
                3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02, -2.24409524465858183362e+01);
        ratio = V.Select(V.Less(z, V.Constant(1 / 0.35)), ratio, far);
        return ExpFunction.Invoke<V, T>(-h - V.Constant(0.5625)) * ExpFunction.Invoke<V, T>(ratio - l) / z;
    }
}

/// <summary>erf x.</summary>
internal readonly struct ErfFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? SingleErrorFunction.Erf<V, T>(x) : Wide<V, T>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Wide<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V magnitude = V.Abs(x);
        V y = ErrorFunction.Near<V, T>(x);
        V isFar = V.Less(V.Constant(ErrorFunction.NearEnd), magnitude);
        if (!V.Any(isFar))
            return y;

        V one = V.Constant(1);
        // erf rounds to 1 from 5.93 on; the bound keeps the squares finite.
        V z = V.Min(magnitude, V.Constant(6));
        V middle = ErrorFunction.Middle<V, T>(z, out V c) + c;
        V head = V.HighPart(z);
        V tail = one - ErrorFunction.Tail<V, T>(z, head * head, (z - head) * (z + head));
        V far = V.Select(V.Less(z, V.Constant(ErrorFunction.MiddleEnd)), middle, tail);
        return V.Select(isFar, V.Select(V.Less(x, V.Constant(0)), -far, far), y);
    }
}

/// <summary>
/// x Φ(x) with Φ(x) = erfc(−x/√2)/2. In the tail x² is split instead of (x/√2)², so that the rounding of x/√2 is
/// not magnified by the exponential.
/// </summary>
internal readonly unsafe struct GeluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? new SingleGeluTerm<V, T>().Of(x) : Wide<V, T>(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) != typeof(float))
            return false;
        TermLoop<V, T>.Map<SingleGeluTerm<V, T>, TStore>(x, y, length);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Wide<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V half = V.Constant(0.5), one = V.Constant(1), inverseRoot = V.Constant(0.70710678118654752440);
        V magnitude = V.Abs(x);
        V y = half * x * (one + ErrorFunction.Near<V, T>(x * inverseRoot));
        V isFar = V.Less(V.Constant(ErrorFunction.NearEnd), magnitude * inverseRoot);
        if (!V.Any(isFar))
            return y;

        // Φ(−39) is below the least subnormal number; the bound keeps the squares finite.
        V bounded = V.Min(magnitude, V.Constant(40));
        V z = bounded * inverseRoot;
        V head = V.HighPart(bounded);
        V tail = ErrorFunction.Tail<V, T>(z, half * (head * head), half * ((bounded - head) * (bounded + head)));
        V middle = ErrorFunction.Middle<V, T>(z, out V c);
        V complement = V.Select(V.Less(z, V.Constant(ErrorFunction.MiddleEnd)), one - c - middle, tail);
        V positive = x * (one - half * complement);
        V negative = -(half * bounded) * complement;
        return V.Select(isFar, V.Select(V.Less(x, V.Constant(0)), negative, positive), y);
    }
}
