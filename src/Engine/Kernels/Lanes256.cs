using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>256-bit registers.</summary>
internal unsafe struct Lanes256<T>(Vector256<T> value) : ILanes<Lanes256<T>, T>
    where T : unmanaged, INumber<T>
{
    private Vector256<T> _value = value;

    public static int Count => Vector256<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Load(T* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> LoadFirst(T* source, int count, Lanes256<T> otherwise)
    {
        if (Avx.IsSupported)
        {
            if (typeof(T) == typeof(float))
                return new(Vector256.ConditionalSelect(First(count), Avx.MaskLoad((float*)source, First(count).AsSingle()).As<float, T>(), otherwise._value));
            if (typeof(T) == typeof(double) || typeof(T) == typeof(long))
                return new(Vector256.ConditionalSelect(First(count), Avx.MaskLoad((double*)source, First(count).AsDouble()).As<double, T>(), otherwise._value));
        }

        Vector256<T> x = otherwise._value;
        for (int i = 0; i < count; i++)
            x = x.WithElement(i, source[i]);
        return new(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> LoadSingle(float* source) => Avx.IsSupported
        ? new(Avx.ConvertToVector256Double(Vector128.Load(source)).As<double, T>())
        : new(Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> LoadSingleFirst(float* source, int count, Lanes256<T> otherwise)
    {
        if (Avx.IsSupported)
        {
            var single = Avx.MaskLoad(source, Vector128.LessThan(Vector128<float>.Indices, Vector128.Create((float)count)));
            return new(Vector256.ConditionalSelect(First(count), Vector256.WidenLower(single.ToVector256Unsafe()).As<double, T>(), otherwise._value));
        }

        Vector256<T> x = otherwise._value;
        for (int i = 0; i < count; i++)
            x = x.WithElement(i, T.CreateTruncating(source[i]));
        return new(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Broadcast(T value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Constant(double value)
    {
        if (typeof(T) == typeof(float))
            return new(Vector256.Create((float)value).As<float, T>());
        if (typeof(T) == typeof(double))
            return new(Vector256.Create(value).As<double, T>());
        return new(Vector256.Create((long)value).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(T* destination) => Vector256.Store(_value, destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreStreaming(T* destination) => Vector256.StoreAlignedNonTemporal(_value, destination);

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
    public static Lanes256<T> KeepFirst(Lanes256<T> x, int count) => new(x._value & First(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> First(int count) => Vector256.LessThan(Vector256<T>.Indices, Vector256.Create(T.CreateTruncating(count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Lanes256<T> x)
    {
        if (typeof(T) == typeof(double))
            return Vector256.Sum(x._value.AsDouble());
        var (low, high) = Vector256.Widen(x._value.AsSingle());
        return Vector256.Sum(low + high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Fold<TFunction>(Lanes256<T> x)
        where TFunction : struct, IBinaryFunction =>
        Lanes128<T>.Fold<TFunction>(TFunction.Invoke<Lanes128<T>, T>(new(x._value.GetLower()), new(x._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator +(Lanes256<T> x, Lanes256<T> y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator -(Lanes256<T> x, Lanes256<T> y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator *(Lanes256<T> x, Lanes256<T> y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator /(Lanes256<T> x, Lanes256<T> y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator -(Lanes256<T> x) => new(-x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> MultiplyAdd(Lanes256<T> x, Lanes256<T> y, Lanes256<T> z)
    {
        if (typeof(T) == typeof(float))
            return new(Vector256.MultiplyAddEstimate(x._value.AsSingle(), y._value.AsSingle(), z._value.AsSingle()).As<float, T>());
        if (typeof(T) == typeof(double))
            return new(Vector256.MultiplyAddEstimate(x._value.AsDouble(), y._value.AsDouble(), z._value.AsDouble()).As<double, T>());
        return x * y + z;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(Lanes256<T> x, Lanes256<T> y)
    {
        if (typeof(T) == typeof(float))
            _value = Vector256.MultiplyAddEstimate(x._value.AsSingle(), y._value.AsSingle(), _value.AsSingle()).As<float, T>();
        else if (typeof(T) == typeof(double))
            _value = Vector256.MultiplyAddEstimate(x._value.AsDouble(), y._value.AsDouble(), _value.AsDouble()).As<double, T>();
        else
            _value += x._value * y._value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Abs(Lanes256<T> x) => new(Vector256.Abs(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Sqrt(Lanes256<T> x) => new(Vector256.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Max(Lanes256<T> x, Lanes256<T> y) => Avx.IsSupported && typeof(T) != typeof(long)
        ? new((Vector256.MaxNative(x._value, y._value) & Vector256.MaxNative(y._value, x._value)) | Unordered(x, y)._value)
        : new(Vector256.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Min(Lanes256<T> x, Lanes256<T> y) => Avx.IsSupported && typeof(T) != typeof(long)
        ? new(Vector256.MinNative(x._value, y._value) | Vector256.MinNative(y._value, x._value) | Unordered(x, y)._value)
        : new(Vector256.Min(x._value, y._value));

    /// <summary>NaN where either is. Of −0 and +0 the hardware takes the second: both orders together have either sign bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256<T> Unordered(Lanes256<T> x, Lanes256<T> y) => typeof(T) == typeof(float)
        ? new(Avx.CompareUnordered(x._value.AsSingle(), y._value.AsSingle()).As<float, T>())
        : new(Avx.CompareUnordered(x._value.AsDouble(), y._value.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Equal(Lanes256<T> x, Lanes256<T> y) => new(Vector256.Equals(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Less(Lanes256<T> x, Lanes256<T> y) => new(Vector256.LessThan(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Select(Lanes256<T> mask, Lanes256<T> whenTrue, Lanes256<T> whenFalse) => Avx.IsSupported
        ? SelectNegative(mask, whenTrue, whenFalse)
        : new(Vector256.ConditionalSelect(mask._value, whenTrue._value, whenFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> SelectNegative(Lanes256<T> x, Lanes256<T> whenNegative, Lanes256<T> otherwise)
    {
        if (!Avx.IsSupported)
            return Select(Less(x, Constant(0)), whenNegative, otherwise);
        return sizeof(T) == sizeof(float)
            ? new(Avx.BlendVariable(otherwise._value.AsSingle(), whenNegative._value.AsSingle(), x._value.AsSingle()).As<float, T>())
            : new(Avx.BlendVariable(otherwise._value.AsDouble(), whenNegative._value.AsDouble(), x._value.AsDouble()).As<double, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes256<T> mask) => MaskBits(mask) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MaskBits(Lanes256<T> mask) => Vector256.ExtractMostSignificantBits(mask._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> AtMost(Lanes256<T> x, Lanes256<T> bound) => new(Vector256.MinNative(bound._value, x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> AtLeast(Lanes256<T> x, Lanes256<T> bound) => new(Vector256.MaxNative(bound._value, x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> CopySign(Lanes256<T> magnitude, Lanes256<T> sign) => typeof(T) == typeof(float)
        ? new(Vector256.ConditionalSelect(Vector256.Create(-0f), sign._value.AsSingle(), magnitude._value.AsSingle()).As<float, T>())
        : new(Vector256.ConditionalSelect(Vector256.Create(-0d), sign._value.AsDouble(), magnitude._value.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> PowerOfTwo(Lanes256<T> n) =>
        PowerOfTwo(n, Constant(typeof(T) == typeof(float) ? FloatBits.SingleRounder + FloatBits.SingleBias : FloatBits.DoubleRounder + FloatBits.DoubleBias));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Scale(Lanes256<T> x, Lanes256<T> n)
    {
        // 2^n in two parts, of which the first leaves x a normal number: that product is exact.
        const double SingleStart = FloatBits.SingleRounder + FloatBits.SingleBias, DoubleStart = FloatBits.DoubleRounder + FloatBits.DoubleBias;
        return typeof(T) == typeof(float)
            ? x * PowerOfTwo(n, SelectNegative(n, Constant(SingleStart + FloatBits.SingleReach), Constant(SingleStart - FloatBits.SingleReach))) * SelectNegative(n, Constant(1 / FloatBits.SinglePart), Constant(FloatBits.SinglePart))
            : x * PowerOfTwo(n, SelectNegative(n, Constant(DoubleStart + FloatBits.DoubleReach), Constant(DoubleStart - FloatBits.DoubleReach))) * SelectNegative(n, Constant(1 / FloatBits.DoublePart), Constant(FloatBits.DoublePart));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> ScaledSum(Lanes256<T> x, Lanes256<T> y, Lanes256<T> n)
    {
        // 1 · 2^n is ready before the sum is: its product with y is, too.
        Lanes256<T> power = PowerOfTwo(n, Constant(typeof(T) == typeof(float)
            ? FloatBits.SingleRounder + FloatBits.SingleBias + FloatBits.SingleReach
            : FloatBits.DoubleRounder + FloatBits.DoubleBias + FloatBits.DoubleReach));
        return MultiplyAdd(power * y, x, power) * Constant(typeof(T) == typeof(float) ? 1 / FloatBits.SinglePart : 1 / FloatBits.DoublePart);
    }

    /// <summary>2^(n + k) with the sum of a rounder, the bias and k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256<T> PowerOfTwo(Lanes256<T> n, Lanes256<T> rounder) => typeof(T) == typeof(float)
        ? new(((rounder + n)._value.AsInt32() << FloatBits.SingleDigits).As<int, T>())
        : new(((rounder + n)._value.AsInt64() << FloatBits.DoubleDigits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> SplitExponent(Lanes256<T> x, out Lanes256<T> exponent)
    {
        if (typeof(T) == typeof(float))
        {
            var bits = x._value.AsInt32() + Vector256.Create(FloatBits.SingleOne - FloatBits.SingleRootHalf);
            var biased = ((bits >>> FloatBits.SingleDigits) + Vector256.Create(FloatBits.SingleRounderBits)).AsSingle();
            exponent = new((biased - Vector256.Create(FloatBits.SingleRounder + FloatBits.SingleBias)).As<float, T>());
            return new(((bits & Vector256.Create(FloatBits.SingleMask)) + Vector256.Create(FloatBits.SingleRootHalf)).As<int, T>());
        }

        var wide = x._value.AsInt64() + Vector256.Create(FloatBits.DoubleOne - FloatBits.DoubleRootHalf);
        var wideBiased = ((wide >>> FloatBits.DoubleDigits) + Vector256.Create(FloatBits.DoubleRounderBits)).AsDouble();
        exponent = new((wideBiased - Vector256.Create(FloatBits.DoubleRounder + FloatBits.DoubleBias)).As<double, T>());
        return new(((wide & Vector256.Create(FloatBits.DoubleMask)) + Vector256.Create(FloatBits.DoubleRootHalf)).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> HighPart(Lanes256<T> x) => typeof(T) == typeof(float)
        ? new((x._value.AsInt32() & Vector256.Create(unchecked((int)0xFFFFF000))).As<int, T>())
        : new((x._value.AsInt64() & Vector256.Create(unchecked((long)0xFFFFFFFF_00000000))).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> ThroughDouble<TFunction>(Lanes256<T> x)
        where TFunction : struct, IUnaryFunction
    {
        var (low, high) = Vector256.Widen(x._value.AsSingle());
        var first = TFunction.Invoke<Lanes256<double>, double>(new(low));
        var second = TFunction.Invoke<Lanes256<double>, double>(new(high));
        return new(Vector256.Narrow(first._value, second._value).As<float, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> ThroughDouble<TFunction>(Lanes256<T> x, Lanes256<T> y)
        where TFunction : struct, IBinaryFunction
    {
        var (lowX, highX) = Vector256.Widen(x._value.AsSingle());
        var (lowY, highY) = Vector256.Widen(y._value.AsSingle());
        var first = TFunction.Invoke<Lanes256<double>, double>(new(lowX), new(lowY));
        var second = TFunction.Invoke<Lanes256<double>, double>(new(highX), new(highY));
        return new(Vector256.Narrow(first._value, second._value).As<float, T>());
    }
}
