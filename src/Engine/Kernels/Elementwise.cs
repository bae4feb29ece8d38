using System.Numerics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Functions over one tile. All spans have the same length; an output may be exactly the same buffer as an input,
/// but may not overlap one partially. The bits of an output element depend on its input elements alone.
/// float32 and float64; the arithmetic functions and comparisons also take int64, where they wrap.
/// </summary>
public static class Elementwise
{
    /// <summary>y = e^x.</summary>
    public static void Exp<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<ExpFunction, T>(x, y);

    /// <summary>y = ln x; −∞ at ±0, NaN below.</summary>
    public static void Log<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<LogFunction, T>(x, y);

    /// <summary>y = ln(1 + x), accurate for small x.</summary>
    public static void Log1P<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<Log1PFunction, T>(x, y);

    /// <summary>y = √x, correctly rounded; NaN below −0.</summary>
    public static void Sqrt<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<SqrtFunction, T>(x, y);

    /// <summary>y = 1 / (1 + e^−x), with relative accuracy in both tails.</summary>
    public static void Sigmoid<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<SigmoidFunction, T>(x, y);

    /// <summary>y = tanh x.</summary>
    public static void Tanh<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<TanhFunction, T>(x, y);

    /// <summary>y = ln(1 + e^x), without overflow and with relative accuracy in the negative tail.</summary>
    public static void Softplus<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<SoftplusFunction, T>(x, y);

    /// <summary>y = erf x.</summary>
    public static void Erf<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<ErfFunction, T>(x, y);

    /// <summary>y = x Φ(x) = x (1 + erf(x/√2)) / 2, with relative accuracy in the negative tail; −0 at −∞.</summary>
    public static void Gelu<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<GeluFunction, T>(x, y);

    /// <summary>y = Φ(x) + x φ(x), the derivative of <see cref="Gelu"/>, with relative accuracy in the negative tail and at its zero; −0 at −∞.</summary>
    public static void GeluDerivative<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<GeluDerivativeFunction, T>(x, y);

    /// <summary>y = max(x, 0): NaN propagates, −0 becomes +0.</summary>
    public static void Relu<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<ReluFunction, T>(x, y);

    /// <summary>y = |x|.</summary>
    public static void Abs<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => WholeVectors.Map<AbsFunction, T>(x, y);

    /// <summary>y = −x.</summary>
    public static void Neg<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => WholeVectors.Map<NegFunction, T>(x, y);

    /// <summary>y = −1, 0 or 1; +0 for either zero, NaN for NaN.</summary>
    public static void Sign<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => WholeVectors.Map<SignFunction, T>(x, y);

    /// <summary>z = x + y.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, INumber<T> => WholeVectors.Map<AddFunction, T>(x, y, z);

    /// <summary>z = x − y.</summary>
    public static void Sub<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, INumber<T> => WholeVectors.Map<SubFunction, T>(x, y, z);

    /// <summary>z = x · y.</summary>
    public static void Mul<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, INumber<T> => WholeVectors.Map<MulFunction, T>(x, y, z);

    /// <summary>z = x / y.</summary>
    public static void Div<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IFloatingPointIeee754<T> => WholeVectors.Map<DivFunction, T>(x, y, z);

    /// <summary>z = max(x, y), IEEE 754-2019: NaN propagates, max(−0, +0) = +0.</summary>
    public static void Max<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, INumber<T> => WholeVectors.Map<MaxFunction, T>(x, y, z);

    /// <summary>z = min(x, y), IEEE 754-2019: NaN propagates, min(−0, +0) = −0.</summary>
    public static void Min<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, INumber<T> => WholeVectors.Map<MinFunction, T>(x, y, z);

    /// <summary>z = x^y as IEEE 754 pow: x^0 = 1 and 1^y = 1 for every operand, NaN included.</summary>
    public static void Pow<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        WholeVectors.RequireLength(x.Length, y.Length);
        WholeVectors.RequireLength(x.Length, z.Length);
        if (typeof(T) == typeof(float))
        {
            WholeVectors.Map<SinglePowFunction, T>(x, y, z);
            return;
        }

        T two = T.One + T.One;
        for (int i = 0; i < z.Length; i++)
        {
            T b = x[i], e = y[i];
            // One rounding, as exact as pow itself, for the exponents that gradients are full of.
            z[i] = e == two ? b * b : e == T.One ? b : T.Pow(b, e);
        }
    }

    /// <summary>z = 1 where x = y, else 0; NaN equals nothing.</summary>
    public static void Equal<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<byte> z) where T : unmanaged, INumber<T> => WholeVectors.Test<EqualPredicate, T>(x, y, z);

    /// <summary>z = 1 where x &lt; y, else 0; false for NaN.</summary>
    public static void Less<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<byte> z) where T : unmanaged, INumber<T> => WholeVectors.Test<LessPredicate, T>(x, y, z);

    /// <summary>z = 1 where x &gt; y, else 0; false for NaN.</summary>
    public static void Greater<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<byte> z) where T : unmanaged, INumber<T> => WholeVectors.Test<LessPredicate, T>(y, x, z);
}
