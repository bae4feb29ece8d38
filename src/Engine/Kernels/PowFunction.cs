using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// x^y of float32 as IEEE 754 pow, through float64: |x|^y = e^(y ln |x|), where |y ln |x|| ≤ 104 leaves an error of
/// 2^-45 before the one rounding.
/// </summary>
internal readonly unsafe struct SinglePowFunction : IBinaryFunction
{
    public static bool IsLong => true;

    // One rounding, as exact as pow itself, for the exponent that gradients are full of.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.Select(V.Equal(y, V.Constant(2)), x * x, V.ThroughDouble<WideFunction>(x, y));

    [SkipLocalsInit]
    public static bool Map<V, T>(T* x, T* y, T* z, int length)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        T* power = stackalloc T[WideTiles.Length];
        for (int i = 0; i < length; i += WideTiles.Length)
        {
            int count = Math.Min(WideTiles.Length, length - i);
            if (new ReadOnlySpan<float>(y + i, count).ContainsAnyExcept(2))
            {
                WideTiles.Map<WideFunction>((float*)x + i, (float*)y + i, (float*)power, count);
                Choose<V, T>(x + i, y + i, power, z + i, count);
            }
            else
            {
                WholeVectors.Map<MulFunction, T>(x + i, x + i, z + i, count);
            }
        }

        return true;
    }

    /// <summary>z = x² where y = 2, else the power.</summary>
    private static void Choose<V, T>(T* x, T* y, T* power, T* z, int length)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V two = V.Constant(2);
        for (int i = 0; i < length; i += V.Count)
        {
            int count = Math.Min(V.Count, length - i);
            V b = V.LoadFirst(x + i, count, two), e = V.LoadFirst(y + i, count, two);
            V.Select(V.Equal(e, two), b * b, V.LoadFirst(power + i, count, two)).StoreFirst(z + i, count);
        }
    }

    private readonly struct WideFunction : IBinaryFunction
    {
        public static bool IsLong => true;

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
