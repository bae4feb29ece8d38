using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>One element, for machines without vector registers.</summary>
internal unsafe struct ScalarLanes<T>(T value) : ILanes<ScalarLanes<T>, T>
    where T : unmanaged, INumber<T>
{
    private T _value = value;

    public readonly T Value => _value;

    public static int Count => 1;

    public static ScalarLanes<T> Load(T* source) => new(*source);

    public static ScalarLanes<T> LoadFirst(T* source, int count, ScalarLanes<T> otherwise) => count > 0 ? Load(source) : otherwise;

    public static ScalarLanes<T> LoadSingle(float* source) => new(Unsafe.BitCast<double, T>(*source));

    public static ScalarLanes<T> LoadSingleFirst(float* source, int count, ScalarLanes<T> otherwise) => count > 0 ? LoadSingle(source) : otherwise;

    public static ScalarLanes<T> Broadcast(T value) => new(value);

    public static ScalarLanes<T> Constant(double value)
    {
        if (typeof(T) == typeof(float))
            return new(Unsafe.BitCast<float, T>((float)value));
        if (typeof(T) == typeof(double))
            return new(Unsafe.BitCast<double, T>(value));
        return new(Unsafe.BitCast<long, T>((long)value));
    }

    public readonly void Store(T* destination) => *destination = _value;

    public readonly void StoreStreaming(T* destination) => *destination = _value;

    public readonly void StoreFirst(T* destination, int count)
    {
        if (count > 0)
            *destination = _value;
    }

    public static ScalarLanes<T> KeepFirst(ScalarLanes<T> x, int count) => count > 0 ? x : new(T.Zero);

    public static double Sum(ScalarLanes<T> x) => double.CreateTruncating(x._value);

    public static T Fold<TFunction>(ScalarLanes<T> x)
        where TFunction : struct, IBinaryFunction => x._value;

    public static ScalarLanes<T> operator +(ScalarLanes<T> x, ScalarLanes<T> y) => new(x._value + y._value);

    public static ScalarLanes<T> operator -(ScalarLanes<T> x, ScalarLanes<T> y) => new(x._value - y._value);

    public static ScalarLanes<T> operator *(ScalarLanes<T> x, ScalarLanes<T> y) => new(x._value * y._value);

    public static ScalarLanes<T> operator /(ScalarLanes<T> x, ScalarLanes<T> y) => new(x._value / y._value);

    public static ScalarLanes<T> operator -(ScalarLanes<T> x) => new(-x._value);

    public static ScalarLanes<T> MultiplyAdd(ScalarLanes<T> x, ScalarLanes<T> y, ScalarLanes<T> z) =>
        new(T.MultiplyAddEstimate(x._value, y._value, z._value));

    public void AddProduct(ScalarLanes<T> x, ScalarLanes<T> y) => _value = T.MultiplyAddEstimate(x._value, y._value, _value);

    public static ScalarLanes<T> Abs(ScalarLanes<T> x) =>
        typeof(T) == typeof(long) ? (T.IsNegative(x._value) ? -x : x) : new(T.Abs(x._value));

    public static ScalarLanes<T> Sqrt(ScalarLanes<T> x) => typeof(T) == typeof(float)
        ? new(Unsafe.BitCast<float, T>(MathF.Sqrt(Unsafe.BitCast<T, float>(x._value))))
        : new(Unsafe.BitCast<double, T>(Math.Sqrt(Unsafe.BitCast<T, double>(x._value))));

    public static ScalarLanes<T> Max(ScalarLanes<T> x, ScalarLanes<T> y) => new(T.Max(x._value, y._value));

    public static ScalarLanes<T> Min(ScalarLanes<T> x, ScalarLanes<T> y) => new(T.Min(x._value, y._value));

    public static ScalarLanes<T> Equal(ScalarLanes<T> x, ScalarLanes<T> y) => new(x._value == y._value ? T.One : T.Zero);

    public static ScalarLanes<T> Less(ScalarLanes<T> x, ScalarLanes<T> y) => new(x._value < y._value ? T.One : T.Zero);

    public static ScalarLanes<T> Select(ScalarLanes<T> mask, ScalarLanes<T> whenTrue, ScalarLanes<T> whenFalse) =>
        mask._value != T.Zero ? whenTrue : whenFalse;

    public static ScalarLanes<T> SelectNegative(ScalarLanes<T> x, ScalarLanes<T> whenNegative, ScalarLanes<T> otherwise) =>
        x._value < T.Zero ? whenNegative : otherwise;

    public static bool Any(ScalarLanes<T> mask) => mask._value != T.Zero;

    public static ulong MaskBits(ScalarLanes<T> mask) => mask._value != T.Zero ? 1UL : 0UL;

    public static ScalarLanes<T> AtMost(ScalarLanes<T> x, ScalarLanes<T> bound) => x._value > bound._value ? bound : x;

    public static ScalarLanes<T> AtLeast(ScalarLanes<T> x, ScalarLanes<T> bound) => x._value < bound._value ? bound : x;

    public static ScalarLanes<T> CopySign(ScalarLanes<T> magnitude, ScalarLanes<T> sign) => typeof(T) == typeof(float)
        ? new(Unsafe.BitCast<float, T>(float.CopySign(Unsafe.BitCast<T, float>(magnitude._value), Unsafe.BitCast<T, float>(sign._value))))
        : new(Unsafe.BitCast<double, T>(double.CopySign(Unsafe.BitCast<T, double>(magnitude._value), Unsafe.BitCast<T, double>(sign._value))));

    public static ScalarLanes<T> PowerOfTwo(ScalarLanes<T> n) => typeof(T) == typeof(float)
        ? new(Unsafe.BitCast<int, T>(BitConverter.SingleToInt32Bits(FloatBits.SingleRounder + FloatBits.SingleBias + Unsafe.BitCast<T, float>(n._value)) << FloatBits.SingleDigits))
        : new(Unsafe.BitCast<long, T>(BitConverter.DoubleToInt64Bits(FloatBits.DoubleRounder + FloatBits.DoubleBias + Unsafe.BitCast<T, double>(n._value)) << FloatBits.DoubleDigits));

    public static ScalarLanes<T> Scale(ScalarLanes<T> x, ScalarLanes<T> n)
    {
        // The first product is exact.
        ScalarLanes<T> half = Exponential.Round<ScalarLanes<T>, T>(n * Constant(0.5));
        return x * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    public static ScalarLanes<T> ScaledSum(ScalarLanes<T> x, ScalarLanes<T> y, ScalarLanes<T> n) => Scale(MultiplyAdd(x, y, Constant(1)), n);

    public static ScalarLanes<T> SplitExponent(ScalarLanes<T> x, out ScalarLanes<T> exponent)
    {
        if (typeof(T) == typeof(float))
        {
            int bits = Unsafe.BitCast<T, int>(x._value) + (FloatBits.SingleOne - FloatBits.SingleRootHalf);
            exponent = Constant((bits >>> FloatBits.SingleDigits) - FloatBits.SingleBias);
            return new(Unsafe.BitCast<int, T>((bits & FloatBits.SingleMask) + FloatBits.SingleRootHalf));
        }

        long wide = Unsafe.BitCast<T, long>(x._value) + (FloatBits.DoubleOne - FloatBits.DoubleRootHalf);
        exponent = Constant((wide >>> FloatBits.DoubleDigits) - FloatBits.DoubleBias);
        return new(Unsafe.BitCast<long, T>((wide & FloatBits.DoubleMask) + FloatBits.DoubleRootHalf));
    }

    public static ScalarLanes<T> HighPart(ScalarLanes<T> x) => typeof(T) == typeof(float)
        ? new(Unsafe.BitCast<int, T>(Unsafe.BitCast<T, int>(x._value) & unchecked((int)0xFFFFF000)))
        : new(Unsafe.BitCast<long, T>(Unsafe.BitCast<T, long>(x._value) & unchecked((long)0xFFFFFFFF_00000000)));

    public static ScalarLanes<T> ThroughDouble<TFunction>(ScalarLanes<T> x)
        where TFunction : struct, IUnaryFunction
    {
        double wide = Unsafe.BitCast<T, float>(x._value);
        return new(Unsafe.BitCast<float, T>((float)TFunction.Invoke<ScalarLanes<double>, double>(new(wide))._value));
    }

    public static ScalarLanes<T> ThroughDouble<TFunction>(ScalarLanes<T> x, ScalarLanes<T> y)
        where TFunction : struct, IBinaryFunction
    {
        double wideX = Unsafe.BitCast<T, float>(x._value), wideY = Unsafe.BitCast<T, float>(y._value);
        return new(Unsafe.BitCast<float, T>((float)TFunction.Invoke<ScalarLanes<double>, double>(new(wideX), new(wideY))._value));
    }
}
