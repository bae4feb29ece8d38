using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>512-bit registers.</summary>
internal unsafe struct Lanes512<T>(Vector512<T> value) : ILanes<Lanes512<T>, T>
    where T : unmanaged, INumber<T>
{
    private Vector512<T> _value = value;

    public static int Count => Vector512<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Load(T* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> LoadFirst(T* source, int count, Lanes512<T> otherwise)
    {
        if (Avx512F.IsSupported)
        {
            if (typeof(T) == typeof(float))
                return new(Avx512F.MaskLoad((float*)source, First(count).AsSingle(), otherwise._value.AsSingle()).As<float, T>());
            if (typeof(T) == typeof(double) || typeof(T) == typeof(long))
                return new(Avx512F.MaskLoad((double*)source, First(count).AsDouble(), otherwise._value.AsDouble()).As<double, T>());
        }

        Vector512<T> x = otherwise._value;
        for (int i = 0; i < count; i++)
            x = x.WithElement(i, source[i]);
        return new(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> LoadSingle(float* source) => new(Vector512.WidenLower(Vector256.Load(source).ToVector512Unsafe()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> LoadSingleFirst(float* source, int count, Lanes512<T> otherwise)
    {
        if (Avx.IsSupported)
        {
            var single = Avx.MaskLoad(source, Vector256.LessThan(Vector256<float>.Indices, Vector256.Create((float)count)));
            return new(Vector512.ConditionalSelect(First(count), Vector512.WidenLower(single.ToVector512Unsafe()).As<double, T>(), otherwise._value));
        }

        Vector512<T> x = otherwise._value;
        for (int i = 0; i < count; i++)
            x = x.WithElement(i, T.CreateTruncating(source[i]));
        return new(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Broadcast(T value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Constant(double value)
    {
        if (typeof(T) == typeof(float))
            return new(Vector512.Create((float)value).As<float, T>());
        if (typeof(T) == typeof(double))
            return new(Vector512.Create(value).As<double, T>());
        return new(Vector512.Create((long)value).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(T* destination) => Vector512.Store(_value, destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreStreaming(T* destination) => Vector512.StoreAlignedNonTemporal(_value, destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreFirst(T* destination, int count)
    {
        if (Avx512F.IsSupported)
        {
            if (typeof(T) == typeof(float))
            {
                Avx512F.MaskStore((float*)destination, First(count).AsSingle(), _value.AsSingle());
                return;
            }

            if (typeof(T) == typeof(double) || typeof(T) == typeof(long))
            {
                Avx512F.MaskStore((double*)destination, First(count).AsDouble(), _value.AsDouble());
                return;
            }
        }

        for (int i = 0; i < count; i++)
            destination[i] = _value.GetElement(i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> KeepFirst(Lanes512<T> x, int count) => new(x._value & First(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> First(int count) => Vector512.LessThan(Vector512<T>.Indices, Vector512.Create(T.CreateTruncating(count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Lanes512<T> x)
    {
        if (typeof(T) == typeof(double))
            return Vector512.Sum(x._value.AsDouble());
        var (low, high) = Vector512.Widen(x._value.AsSingle());
        return Vector512.Sum(low + high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Fold<TFunction>(Lanes512<T> x)
        where TFunction : struct, IBinaryFunction =>
        Lanes256<T>.Fold<TFunction>(TFunction.Invoke<Lanes256<T>, T>(new(x._value.GetLower()), new(x._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator +(Lanes512<T> x, Lanes512<T> y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator -(Lanes512<T> x, Lanes512<T> y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator *(Lanes512<T> x, Lanes512<T> y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator /(Lanes512<T> x, Lanes512<T> y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator -(Lanes512<T> x) => new(-x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> MultiplyAdd(Lanes512<T> x, Lanes512<T> y, Lanes512<T> z)
    {
        if (typeof(T) == typeof(float))
            return new(Vector512.MultiplyAddEstimate(x._value.AsSingle(), y._value.AsSingle(), z._value.AsSingle()).As<float, T>());
        if (typeof(T) == typeof(double))
            return new(Vector512.MultiplyAddEstimate(x._value.AsDouble(), y._value.AsDouble(), z._value.AsDouble()).As<double, T>());
        return x * y + z;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(Lanes512<T> x, Lanes512<T> y)
    {
        if (typeof(T) == typeof(float))
            _value = Vector512.MultiplyAddEstimate(x._value.AsSingle(), y._value.AsSingle(), _value.AsSingle()).As<float, T>();
        else if (typeof(T) == typeof(double))
            _value = Vector512.MultiplyAddEstimate(x._value.AsDouble(), y._value.AsDouble(), _value.AsDouble()).As<double, T>();
        else
            _value += x._value * y._value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Abs(Lanes512<T> x) => new(Vector512.Abs(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Sqrt(Lanes512<T> x) => new(Vector512.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Max(Lanes512<T> x, Lanes512<T> y) => new(Vector512.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Min(Lanes512<T> x, Lanes512<T> y) => new(Vector512.Min(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Equal(Lanes512<T> x, Lanes512<T> y) => new(Vector512.Equals(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Less(Lanes512<T> x, Lanes512<T> y) => new(Vector512.LessThan(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Select(Lanes512<T> mask, Lanes512<T> whenTrue, Lanes512<T> whenFalse) =>
        new(Vector512.ConditionalSelect(mask._value, whenTrue._value, whenFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> SelectNegative(Lanes512<T> x, Lanes512<T> whenNegative, Lanes512<T> otherwise) =>
        Select(Less(x, Constant(0)), whenNegative, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes512<T> mask) => MaskBits(mask) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MaskBits(Lanes512<T> mask) => Vector512.ExtractMostSignificantBits(mask._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> AtMost(Lanes512<T> x, Lanes512<T> bound) => new(Vector512.MinNative(bound._value, x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> AtLeast(Lanes512<T> x, Lanes512<T> bound) => new(Vector512.MaxNative(bound._value, x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> CopySign(Lanes512<T> magnitude, Lanes512<T> sign) => typeof(T) == typeof(float)
        ? new(Vector512.ConditionalSelect(Vector512.Create(-0f), sign._value.AsSingle(), magnitude._value.AsSingle()).As<float, T>())
        : new(Vector512.ConditionalSelect(Vector512.Create(-0d), sign._value.AsDouble(), magnitude._value.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> PowerOfTwo(Lanes512<T> n) => typeof(T) == typeof(float)
        ? new(((Vector512.Create(FloatBits.SingleRounder + FloatBits.SingleBias) + n._value.AsSingle()).AsInt32() << FloatBits.SingleDigits).As<int, T>())
        : new(((Vector512.Create(FloatBits.DoubleRounder + FloatBits.DoubleBias) + n._value.AsDouble()).AsInt64() << FloatBits.DoubleDigits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Scale(Lanes512<T> x, Lanes512<T> n)
    {
        if (Avx512F.IsSupported)
        {
            return typeof(T) == typeof(float)
                ? new(Avx512F.Scale(x._value.AsSingle(), n._value.AsSingle()).As<float, T>())
                : new(Avx512F.Scale(x._value.AsDouble(), n._value.AsDouble()).As<double, T>());
        }

        // The first product is exact.
        Lanes512<T> half = Exponential.Round<Lanes512<T>, T>(n * Constant(0.5));
        return x * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> ScaledSum(Lanes512<T> x, Lanes512<T> y, Lanes512<T> n) => Scale(MultiplyAdd(x, y, Constant(1)), n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> SplitExponent(Lanes512<T> x, out Lanes512<T> exponent)
    {
        if (typeof(T) == typeof(float))
        {
            var bits = x._value.AsInt32() + Vector512.Create(FloatBits.SingleOne - FloatBits.SingleRootHalf);
            var biased = ((bits >>> FloatBits.SingleDigits) + Vector512.Create(FloatBits.SingleRounderBits)).AsSingle();
            exponent = new((biased - Vector512.Create(FloatBits.SingleRounder + FloatBits.SingleBias)).As<float, T>());
            return new(((bits & Vector512.Create(FloatBits.SingleMask)) + Vector512.Create(FloatBits.SingleRootHalf)).As<int, T>());
        }

        var wide = x._value.AsInt64() + Vector512.Create(FloatBits.DoubleOne - FloatBits.DoubleRootHalf);
        var wideBiased = ((wide >>> FloatBits.DoubleDigits) + Vector512.Create(FloatBits.DoubleRounderBits)).AsDouble();
        exponent = new((wideBiased - Vector512.Create(FloatBits.DoubleRounder + FloatBits.DoubleBias)).As<double, T>());
        return new(((wide & Vector512.Create(FloatBits.DoubleMask)) + Vector512.Create(FloatBits.DoubleRootHalf)).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> HighPart(Lanes512<T> x) => typeof(T) == typeof(float)
        ? new((x._value.AsInt32() & Vector512.Create(unchecked((int)0xFFFFF000))).As<int, T>())
        : new((x._value.AsInt64() & Vector512.Create(unchecked((long)0xFFFFFFFF_00000000))).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> ThroughDouble<TFunction>(Lanes512<T> x)
        where TFunction : struct, IUnaryFunction
    {
        var (low, high) = Vector512.Widen(x._value.AsSingle());
        var first = TFunction.Invoke<Lanes512<double>, double>(new(low));
        var second = TFunction.Invoke<Lanes512<double>, double>(new(high));
        return new(Vector512.Narrow(first._value, second._value).As<float, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> ThroughDouble<TFunction>(Lanes512<T> x, Lanes512<T> y)
        where TFunction : struct, IBinaryFunction
    {
        var (lowX, highX) = Vector512.Widen(x._value.AsSingle());
        var (lowY, highY) = Vector512.Widen(y._value.AsSingle());
        var first = TFunction.Invoke<Lanes512<double>, double>(new(lowX), new(lowY));
        var second = TFunction.Invoke<Lanes512<double>, double>(new(highX), new(highY));
        return new(Vector512.Narrow(first._value, second._value).As<float, T>());
    }
}
