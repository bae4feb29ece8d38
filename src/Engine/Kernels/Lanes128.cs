using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>128-bit registers.</summary>
internal unsafe struct Lanes128<T>(Vector128<T> value) : ILanes<Lanes128<T>, T>
    where T : unmanaged, INumber<T>
{
    private Vector128<T> _value = value;

    public static int Count => Vector128<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Load(T* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> LoadFirst(T* source, int count, Lanes128<T> otherwise)
    {
        if (Avx.IsSupported)
        {
            if (typeof(T) == typeof(float))
                return new(Vector128.ConditionalSelect(First(count), Avx.MaskLoad((float*)source, First(count).AsSingle()).As<float, T>(), otherwise._value));
            if (typeof(T) == typeof(double) || typeof(T) == typeof(long))
                return new(Vector128.ConditionalSelect(First(count), Avx.MaskLoad((double*)source, First(count).AsDouble()).As<double, T>(), otherwise._value));
        }

        Vector128<T> x = otherwise._value;
        for (int i = 0; i < count; i++)
            x = x.WithElement(i, source[i]);
        return new(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> LoadSingle(float* source) => new(Vector128.WidenLower(Vector64.Load(source).ToVector128Unsafe()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> LoadSingleFirst(float* source, int count, Lanes128<T> otherwise) =>
        count == 2 ? LoadSingle(source) : count == 1 ? new(otherwise._value.WithElement(0, T.CreateTruncating(*source))) : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Broadcast(T value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Constant(double value)
    {
        if (typeof(T) == typeof(float))
            return new(Vector128.Create((float)value).As<float, T>());
        if (typeof(T) == typeof(double))
            return new(Vector128.Create(value).As<double, T>());
        return new(Vector128.Create((long)value).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(T* destination) => Vector128.Store(_value, destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreStreaming(T* destination) => Vector128.StoreAlignedNonTemporal(_value, destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreFirst(T* destination, int count)
    {
        if (Avx.IsSupported)
        {
            if (typeof(T) == typeof(float))
            {
                Avx.MaskStore((float*)destination, First(count).AsSingle(), _value.AsSingle());
                return;
            }

            if (typeof(T) == typeof(double) || typeof(T) == typeof(long))
            {
                Avx.MaskStore((double*)destination, First(count).AsDouble(), _value.AsDouble());
                return;
            }
        }

        for (int i = 0; i < count; i++)
            destination[i] = _value.GetElement(i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> KeepFirst(Lanes128<T> x, int count) => new(x._value & First(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> First(int count) => Vector128.LessThan(Vector128<T>.Indices, Vector128.Create(T.CreateTruncating(count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Lanes128<T> x)
    {
        if (typeof(T) == typeof(double))
            return Vector128.Sum(x._value.AsDouble());
        var (low, high) = Vector128.Widen(x._value.AsSingle());
        return Vector128.Sum(low + high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Fold<TFunction>(Lanes128<T> x)
        where TFunction : struct, IBinaryFunction
    {
        T result = x._value.GetElement(0);
        for (int i = 1; i < Count; i++)
            result = TFunction.Invoke<ScalarLanes<T>, T>(new(result), new(x._value.GetElement(i))).Value;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> operator +(Lanes128<T> x, Lanes128<T> y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> operator -(Lanes128<T> x, Lanes128<T> y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> operator *(Lanes128<T> x, Lanes128<T> y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> operator /(Lanes128<T> x, Lanes128<T> y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> operator -(Lanes128<T> x) => new(-x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> MultiplyAdd(Lanes128<T> x, Lanes128<T> y, Lanes128<T> z)
    {
        if (typeof(T) == typeof(float))
            return new(Vector128.MultiplyAddEstimate(x._value.AsSingle(), y._value.AsSingle(), z._value.AsSingle()).As<float, T>());
        if (typeof(T) == typeof(double))
            return new(Vector128.MultiplyAddEstimate(x._value.AsDouble(), y._value.AsDouble(), z._value.AsDouble()).As<double, T>());
        return x * y + z;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(Lanes128<T> x, Lanes128<T> y)
    {
        if (typeof(T) == typeof(float))
            _value = Vector128.MultiplyAddEstimate(x._value.AsSingle(), y._value.AsSingle(), _value.AsSingle()).As<float, T>();
        else if (typeof(T) == typeof(double))
            _value = Vector128.MultiplyAddEstimate(x._value.AsDouble(), y._value.AsDouble(), _value.AsDouble()).As<double, T>();
        else
            _value += x._value * y._value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Abs(Lanes128<T> x) => new(Vector128.Abs(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Sqrt(Lanes128<T> x) => new(Vector128.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Max(Lanes128<T> x, Lanes128<T> y) => Sse.IsSupported && typeof(T) != typeof(long)
        ? new((Vector128.MaxNative(x._value, y._value) & Vector128.MaxNative(y._value, x._value)) | Unordered(x, y)._value)
        : new(Vector128.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Min(Lanes128<T> x, Lanes128<T> y) => Sse.IsSupported && typeof(T) != typeof(long)
        ? new(Vector128.MinNative(x._value, y._value) | Vector128.MinNative(y._value, x._value) | Unordered(x, y)._value)
        : new(Vector128.Min(x._value, y._value));

    /// <summary>NaN where either is. Of −0 and +0 the hardware takes the second: both orders together have either sign bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128<T> Unordered(Lanes128<T> x, Lanes128<T> y) => typeof(T) == typeof(float)
        ? new(Sse.CompareUnordered(x._value.AsSingle(), y._value.AsSingle()).As<float, T>())
        : new(Sse2.CompareUnordered(x._value.AsDouble(), y._value.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Equal(Lanes128<T> x, Lanes128<T> y) => new(Vector128.Equals(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Less(Lanes128<T> x, Lanes128<T> y) => new(Vector128.LessThan(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Select(Lanes128<T> mask, Lanes128<T> whenTrue, Lanes128<T> whenFalse) => Sse41.IsSupported
        ? SelectNegative(mask, whenTrue, whenFalse)
        : new(Vector128.ConditionalSelect(mask._value, whenTrue._value, whenFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> SelectNegative(Lanes128<T> x, Lanes128<T> whenNegative, Lanes128<T> otherwise)
    {
        if (!Sse41.IsSupported)
            return Select(Less(x, Constant(0)), whenNegative, otherwise);
        return sizeof(T) == sizeof(float)
            ? new(Sse41.BlendVariable(otherwise._value.AsSingle(), whenNegative._value.AsSingle(), x._value.AsSingle()).As<float, T>())
            : new(Sse41.BlendVariable(otherwise._value.AsDouble(), whenNegative._value.AsDouble(), x._value.AsDouble()).As<double, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes128<T> mask) => MaskBits(mask) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MaskBits(Lanes128<T> mask) => Vector128.ExtractMostSignificantBits(mask._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> AtMost(Lanes128<T> x, Lanes128<T> bound) => new(Vector128.MinNative(bound._value, x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> AtLeast(Lanes128<T> x, Lanes128<T> bound) => new(Vector128.MaxNative(bound._value, x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> CopySign(Lanes128<T> magnitude, Lanes128<T> sign) => typeof(T) == typeof(float)
        ? new(Vector128.ConditionalSelect(Vector128.Create(-0f), sign._value.AsSingle(), magnitude._value.AsSingle()).As<float, T>())
        : new(Vector128.ConditionalSelect(Vector128.Create(-0d), sign._value.AsDouble(), magnitude._value.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> PowerOfTwo(Lanes128<T> n) =>
        PowerOfTwo(n, Constant(typeof(T) == typeof(float) ? FloatBits.SingleRounder + FloatBits.SingleBias : FloatBits.DoubleRounder + FloatBits.DoubleBias));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> Scale(Lanes128<T> x, Lanes128<T> n)
    {
        // 2^n in two parts, of which the first leaves x a normal number: that product is exact.
        const double SingleStart = FloatBits.SingleRounder + FloatBits.SingleBias, DoubleStart = FloatBits.DoubleRounder + FloatBits.DoubleBias;
        return typeof(T) == typeof(float)
            ? x * PowerOfTwo(n, SelectNegative(n, Constant(SingleStart + FloatBits.SingleReach), Constant(SingleStart - FloatBits.SingleReach))) * SelectNegative(n, Constant(1 / FloatBits.SinglePart), Constant(FloatBits.SinglePart))
            : x * PowerOfTwo(n, SelectNegative(n, Constant(DoubleStart + FloatBits.DoubleReach), Constant(DoubleStart - FloatBits.DoubleReach))) * SelectNegative(n, Constant(1 / FloatBits.DoublePart), Constant(FloatBits.DoublePart));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> ScaledSum(Lanes128<T> x, Lanes128<T> y, Lanes128<T> n)
    {
        // 1 · 2^n is ready before the sum is: its product with y is, too.
        Lanes128<T> power = PowerOfTwo(n, Constant(typeof(T) == typeof(float)
            ? FloatBits.SingleRounder + FloatBits.SingleBias + FloatBits.SingleReach
            : FloatBits.DoubleRounder + FloatBits.DoubleBias + FloatBits.DoubleReach));
        return MultiplyAdd(power * y, x, power) * Constant(typeof(T) == typeof(float) ? 1 / FloatBits.SinglePart : 1 / FloatBits.DoublePart);
    }

    /// <summary>2^(n + k) with the sum of a rounder, the bias and k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128<T> PowerOfTwo(Lanes128<T> n, Lanes128<T> rounder) => typeof(T) == typeof(float)
        ? new(((rounder + n)._value.AsInt32() << FloatBits.SingleDigits).As<int, T>())
        : new(((rounder + n)._value.AsInt64() << FloatBits.DoubleDigits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> SplitExponent(Lanes128<T> x, out Lanes128<T> exponent)
    {
        if (typeof(T) == typeof(float))
        {
            var bits = x._value.AsInt32() + Vector128.Create(FloatBits.SingleOne - FloatBits.SingleRootHalf);
            var biased = ((bits >>> FloatBits.SingleDigits) + Vector128.Create(FloatBits.SingleRounderBits)).AsSingle();
            exponent = new((biased - Vector128.Create(FloatBits.SingleRounder + FloatBits.SingleBias)).As<float, T>());
            return new(((bits & Vector128.Create(FloatBits.SingleMask)) + Vector128.Create(FloatBits.SingleRootHalf)).As<int, T>());
        }

        var wide = x._value.AsInt64() + Vector128.Create(FloatBits.DoubleOne - FloatBits.DoubleRootHalf);
        var wideBiased = ((wide >>> FloatBits.DoubleDigits) + Vector128.Create(FloatBits.DoubleRounderBits)).AsDouble();
        exponent = new((wideBiased - Vector128.Create(FloatBits.DoubleRounder + FloatBits.DoubleBias)).As<double, T>());
        return new(((wide & Vector128.Create(FloatBits.DoubleMask)) + Vector128.Create(FloatBits.DoubleRootHalf)).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> HighPart(Lanes128<T> x) => typeof(T) == typeof(float)
        ? new((x._value.AsInt32() & Vector128.Create(unchecked((int)0xFFFFF000))).As<int, T>())
        : new((x._value.AsInt64() & Vector128.Create(unchecked((long)0xFFFFFFFF_00000000))).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> ThroughDouble<TFunction>(Lanes128<T> x)
        where TFunction : struct, IUnaryFunction
    {
        var (low, high) = Vector128.Widen(x._value.AsSingle());
        var first = TFunction.Invoke<Lanes128<double>, double>(new(low));
        var second = TFunction.Invoke<Lanes128<double>, double>(new(high));
        return new(Vector128.Narrow(first._value, second._value).As<float, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> ThroughDouble<TFunction>(Lanes128<T> x, Lanes128<T> y)
        where TFunction : struct, IBinaryFunction
    {
        var (lowX, highX) = Vector128.Widen(x._value.AsSingle());
        var (lowY, highY) = Vector128.Widen(y._value.AsSingle());
        var first = TFunction.Invoke<Lanes128<double>, double>(new(lowX), new(lowY));
        var second = TFunction.Invoke<Lanes128<double>, double>(new(highX), new(highY));
        return new(Vector128.Narrow(first._value, second._value).As<float, T>());
    }
}
