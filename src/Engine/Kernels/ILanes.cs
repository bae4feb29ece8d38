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

    static abstract TSelf Broadcast(T value);

    /// <summary>The constant rounded to T in every lane.</summary>
    static abstract TSelf Constant(double value);

    void Store(T* destination);

    static abstract TSelf operator +(TSelf x, TSelf y);

    static abstract TSelf operator -(TSelf x, TSelf y);

    static abstract TSelf operator *(TSelf x, TSelf y);

    static abstract TSelf operator /(TSelf x, TSelf y);

    static abstract TSelf operator -(TSelf x);

    /// <summary>x·y + z, fused where the hardware fuses.</summary>
    static abstract TSelf MultiplyAdd(TSelf x, TSelf y, TSelf z);

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

    static abstract bool Any(TSelf mask);

    /// <summary>Bit i is the mask of lane i.</summary>
    static abstract ulong MaskBits(TSelf mask);

    /// <summary>e^x for |x| &lt; 707; other lanes may change the bits of all of them.</summary>
    static abstract TSelf Exp(TSelf x);

    /// <summary>ln x for normal positive x; other lanes may change the bits of all of them.</summary>
    static abstract TSelf Log(TSelf x);

    /// <summary>x with the low half of its significand cleared, so that its square is exact.</summary>
    static abstract TSelf HighPart(TSelf x);

    /// <summary>For float32 lanes: widens to float64, applies the function, rounds once.</summary>
    static abstract TSelf ThroughDouble<TFunction>(TSelf x)
        where TFunction : struct, IUnaryFunction;
}
