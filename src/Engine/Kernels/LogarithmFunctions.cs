using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// ln x = k ln 2 + ln(1 + f) with x = 2^k (1 + f) and 1 + f in [√½, √2), subnormal numbers included.
/// float32: ln(1 + f) = f − f²/2 + f³ P(f), P minimax below 6e-9 of the whole. float64: with s = f/(2 + f), the
/// odd polynomial of fdlibm's e_log.c (Copyright © 1993 by Sun Microsystems, Inc. All rights reserved. Developed at
/// SunPro. Permission to use, copy, modify and distribute is freely granted, provided that this notice is preserved).
/// </summary>
internal readonly struct LogFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V y = OfNormal<V, T>(x, V.Constant(0));
        ulong normal = V.MaskBits(V.Less(x, V.Constant(double.PositiveInfinity))) & ~V.MaskBits(V.Less(x, Least<V, T>()));
        return normal == (1UL << V.Count) - 1 ? y : WithSpecialLanes<V, T>(x, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Least<V, T>()
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> =>
        V.Constant(typeof(T) == typeof(float) ? 1.17549435082228751e-38 : 2.2250738585072014e-308);

    /// <summary>Replaces the lanes that are not normal positive numbers: ln x = ln(2^54 x) − 54 ln 2 where x is subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V WithSpecialLanes<V, T>(V x, V y)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V zero = V.Constant(0);
        V scaled = OfNormal<V, T>(x * V.Constant(18014398509481984), V.Constant(-54));
        V below = V.Select(V.Less(zero, x), scaled, V.Select(V.Equal(x, zero), V.Constant(double.NegativeInfinity), V.Constant(double.NaN)));
        y = V.Select(V.Less(x, Least<V, T>()), below, y);
        return V.Select(V.Less(x, V.Constant(double.PositiveInfinity)), y, x);
    }

    /// <summary>ln x + shift · ln 2 for normal positive x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V OfNormal<V, T>(V x, V shift)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V f = V.SplitExponent(x, out V k) - V.Constant(1);
        k += shift;
        V square = f * f;
        if (typeof(T) == typeof(float))
        {
            V p = Polynomial.Evaluate<V, T>(f, 0.333333313, -0.250008225, 0.200012267, -0.166233569, 0.142017514, -0.13160184, 0.127616212, -0.0763454735);
            V low = V.MultiplyAdd(p, f * square, k * V.Constant(-2.12194440054690583e-4));
            low = V.MultiplyAdd(square, V.Constant(-0.5), low);
            return V.MultiplyAdd(k, V.Constant(0.693359375), f + low);
        }

        V s = f / (V.Constant(2) + f);
        V z = s * s, w = z * z;
        V even = V.MultiplyAdd(w, V.Constant(1.479819860511658591e-01), V.Constant(1.818357216161805012e-01));
        even = V.MultiplyAdd(w, even, V.Constant(2.857142874366239149e-01));
        even = V.MultiplyAdd(w, even, V.Constant(6.666666666666735130e-01)) * z;
        V odd = V.MultiplyAdd(w, V.Constant(1.531383769920937332e-01), V.Constant(2.222219843214978396e-01));
        odd = V.MultiplyAdd(w, odd, V.Constant(3.999999999940941908e-01)) * w;
        V half = V.Constant(0.5) * square;
        V rest = V.MultiplyAdd(s, half + (even + odd), k * V.Constant(1.90821492927058770002e-10));
        return k * V.Constant(6.93147180369123816490e-01) - ((half - rest) - f);
    }
}

/// <summary>
/// ln(1 + x). With u = 1 + x rounded, ln(u)·x/(u − 1) cancels the rounding of u to first order
/// (Kahan; Higham, Accuracy and Stability of Numerical Algorithms, §1.14.1).
/// </summary>
internal readonly unsafe struct Log1PFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? V.ThroughDouble<Log1PFunction>(x) : Wide<V, T>(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) != typeof(float))
            return false;
        WideTiles.Map<Log1PFunction>((float*)x, (float*)y, length);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Wide<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V one = V.Constant(1);
        V u = one + x;
        V log = LogFunction.Invoke<V, T>(u);
        // Beyond 2^53 u is x itself, and the quotient of infinities is avoided.
        V corrected = V.Select(V.Less(V.Constant(9007199254740992), x), log, log * (x / (u - one)));
        return V.Select(V.Equal(u, one), x, corrected);
    }
}
