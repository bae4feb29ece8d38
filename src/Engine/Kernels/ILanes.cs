using System.Numerics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// A register of <see cref="Count"/> elements. Kernels are written once against this interface and instantiated for
/// 512, 256 and 128 bits and for one scalar element.
/// A mask is a register whose lanes are all-ones or zero (scalar: one or zero) and is only fit for
/// <see cref="Select"/>, <see cref="Any"/> and <see cref="MaskBits"/>.
/// </summary>
internal unsafe interface ILanes<TSelf, T>
    where TSelf : struct, ILanes<TSelf, T>
    where T : unmanaged, INumber<T>
{
    static abstract int Count { get; }

    /// <summary>Reads <see cref="Count"/> elements; no alignment is required.</summary>
    static abstract TSelf Load(T* source);

    /// <summary>Reads the first <paramref name="count"/> ≤ <see cref="Count"/> elements and nothing behind them; takes the other lanes from a register.</summary>
    static abstract TSelf LoadFirst(T* source, int count, TSelf otherwise);

    /// <summary>For float64 lanes: reads <see cref="Count"/> elements of float32.</summary>
    static abstract TSelf LoadSingle(float* source);

    /// <summary>The same of the first <paramref name="count"/> ≤ <see cref="Count"/> elements; takes the other lanes from a register.</summary>
    static abstract TSelf LoadSingleFirst(float* source, int count, TSelf otherwise);

    static abstract TSelf Broadcast(T value);

    /// <summary>The constant rounded to T in every lane.</summary>
    static abstract TSelf Constant(double value);

    void Store(T* destination);

    /// <summary>Writes past the caches, where the hardware can, to a multiple of the register's size.</summary>
    void StoreStreaming(T* destination);

    /// <summary>Writes the first <paramref name="count"/> ≤ <see cref="Count"/> elements and nothing behind them.</summary>
    void StoreFirst(T* destination, int count);

    /// <summary>The first lanes; the others are 0.</summary>
    static abstract TSelf KeepFirst(TSelf x, int count);

    /// <summary>The sum of the lanes in float64, always in the same order.</summary>
    static abstract double Sum(TSelf x);

    /// <summary>An associative and commutative function over the lanes, halving the register, then in order.</summary>
    static abstract T Fold<TFunction>(TSelf x)
        where TFunction : struct, IBinaryFunction;

    static abstract TSelf operator +(TSelf x, TSelf y);

    static abstract TSelf operator -(TSelf x, TSelf y);

    static abstract TSelf operator *(TSelf x, TSelf y);

    static abstract TSelf operator /(TSelf x, TSelf y);

    static abstract TSelf operator -(TSelf x);

    /// <summary>x·y + z, fused where the hardware fuses.</summary>
    static abstract TSelf MultiplyAdd(TSelf x, TSelf y, TSelf z);

    /// <summary>Adds x·y in place, fused where the hardware fuses: the sum keeps its register, whatever becomes of the factors.</summary>
    void AddProduct(TSelf x, TSelf y);

    /// <summary>Magnitude; wraps for the least integer.</summary>
    static abstract TSelf Abs(TSelf x);

    static abstract TSelf Sqrt(TSelf x);

    /// <summary>IEEE 754-2019 maximum: NaN propagates, +0 is greater than −0.</summary>
    static abstract TSelf Max(TSelf x, TSelf y);

    /// <summary>IEEE 754-2019 minimum: NaN propagates, −0 is less than +0.</summary>
    static abstract TSelf Min(TSelf x, TSelf y);

    static abstract TSelf Equal(TSelf x, TSelf y);

    static abstract TSelf Less(TSelf x, TSelf y);

    static abstract TSelf Select(TSelf mask, TSelf whenTrue, TSelf whenFalse);

    /// <summary>By whether x &lt; 0; either one for −0 and for NaN. Floating point only.</summary>
    static abstract TSelf SelectNegative(TSelf x, TSelf whenNegative, TSelf otherwise);

    static abstract bool Any(TSelf mask);

    /// <summary>Bit i is the mask of lane i.</summary>
    static abstract ulong MaskBits(TSelf mask);

    /// <summary>The lesser of x and a bound that is not NaN; NaN where x is.</summary>
    static abstract TSelf AtMost(TSelf x, TSelf bound);

    /// <summary>The greater of x and a bound that is not NaN; NaN where x is.</summary>
    static abstract TSelf AtLeast(TSelf x, TSelf bound);

    /// <summary>The magnitude of the one with the sign bit of the other; floating point only.</summary>
    static abstract TSelf CopySign(TSelf magnitude, TSelf sign);

    /// <summary>2^n for an integer n whose power is a normal number.</summary>
    static abstract TSelf PowerOfTwo(TSelf n);

    /// <summary>x · 2^n for an integer n, rounded once; |x| lies in [1/2, 2) and |n| below 188 (float32) or 1212. NaN where x is.</summary>
    static abstract TSelf Scale(TSelf x, TSelf n);

    /// <summary>(x · y + 1) · 2^n for n ≤ 0 under the same conditions on the sum and n.</summary>
    static abstract TSelf ScaledSum(TSelf x, TSelf y, TSelf n);

    /// <summary>m in [√½, √2) with x = m · 2^exponent, for normal positive x.</summary>
    static abstract TSelf SplitExponent(TSelf x, out TSelf exponent);

    /// <summary>x with the low half of its significand cleared, so that its square is exact.</summary>
    static abstract TSelf HighPart(TSelf x);

    /// <summary>For float32 lanes: widens to float64, applies the function, rounds once.</summary>
    static abstract TSelf ThroughDouble<TFunction>(TSelf x)
        where TFunction : struct, IUnaryFunction;

    /// <summary>The same for a function of two elements.</summary>
    static abstract TSelf ThroughDouble<TFunction>(TSelf x, TSelf y)
        where TFunction : struct, IBinaryFunction;
}
