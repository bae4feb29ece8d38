using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// x^y of float32 as IEEE 754 pow, through float64: |x|^y = e^(y ln |x|), where |y ln |x|| ≤ 104 leaves an error of
/// 2^-45 before the one rounding.
/// </summary>
internal readonly struct SinglePowFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        // One rounding, as exact as pow itself, for the exponent that gradients are full of.
        V isTwo = V.Equal(y, V.Constant(2));
        V square = x * x;
        return V.MaskBits(isTwo) == (1UL << V.Count) - 1 ? square : V.Select(isTwo, square, General<V, T>(x, y));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V General<V, T>(V x, V y)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.ThroughDouble<WideFunction>(x, y);

    private readonly struct WideFunction : IBinaryFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Invoke<V, T>(V x, V y)
            where V : struct, ILanes<V, T>
            where T : unmanaged, INumber<T>
        {
            V zero = V.Constant(0), one = V.Constant(1);
            V magnitude = V.Abs(x);
            V z = ExpFunction.Invoke<V, T>(y * LogFunction.Invoke<V, T>(magnitude));
            // (−1)^±∞ is 1; 0 · ln 1 and ∞ · ln 1 are not asked for.
            z = V.Select(V.Equal(magnitude, one), V.Select(V.Equal(y, y), one, y), z);

            // A float32 of 2^24 or more is an even integer.
            V bounded = V.AtMost(V.Abs(y), V.Constant(16777216)), half = bounded * V.Constant(0.5);
            V isInteger = V.Equal(Exponential.Round<V, T>(bounded), bounded);
            V isEven = V.Equal(Exponential.Round<V, T>(half), half);
            V signed = V.Select(isInteger, V.Select(isEven, z, V.CopySign(z, x)), z);
            V fractional = V.Select(V.Less(x, zero), V.Select(V.Less(x, V.Constant(-1e300)), z, V.Constant(double.NaN)), z);
            z = V.Select(isInteger, signed, fractional);
            z = V.Select(V.Equal(x, one), one, V.Select(V.Equal(y, one), x, z));
            return V.Select(V.Equal(y, zero), one, z);
        }
    }
}
