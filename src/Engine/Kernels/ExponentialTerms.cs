using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>e^x.</summary>
internal readonly struct ExpTerm<V, T> : IUnaryTerm<ExpTerm<V, T>, V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private readonly Exponential<V, T> _exponential;
    private readonly V _most;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ExpTerm()
    {
        _exponential = new();
        _most = V.Constant(typeof(T) == typeof(float) ? 89 : 710);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ExpTerm<V, T> Create() => new();

    // e^x overflows before the upper bound and is below half of the least number before the lower one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x) => _exponential.OfBounded(V.AtMost(x, _most));
}

/// <summary>1 / (1 + e^−x), as e^x / (1 + e^x) for negative x.</summary>
internal readonly struct SigmoidTerm<V, T> : IUnaryTerm<SigmoidTerm<V, T>, V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private readonly Exponential<V, T> _exponential;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SigmoidTerm() => _exponential = new();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SigmoidTerm<V, T> Create() => new();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x)
    {
        V one = _exponential.One;
        V e = _exponential.OfNonPositive(-V.Abs(x));
        return V.SelectNegative(x, e, one) / (one + e);
    }
}

/// <summary>
/// tanh |x| = −m / (2 + m) with m = e^(−2|x|) − 1 = 2^n (r + r² q(r)) + (2^n − 1), where 2^n − 1 is exact; from m = −2/3 on
/// 1 − 2(m + 1) / (2 + m), where m + 1 is exact and the quotient's rounding counts less.
/// </summary>
internal readonly struct TanhTerm<V, T> : IUnaryTerm<TanhTerm<V, T>, V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private readonly Exponential<V, T> _exponential;
    private readonly V _two;
    private readonly V _least;
    private readonly V _near;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TanhTerm()
    {
        _exponential = new();
        _two = V.Constant(2);
        // tanh rounds to 1 from 9.1 (float32) and 19.1 on.
        _least = V.Constant(-40);
        _near = V.Constant(-2.0 / 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TanhTerm<V, T> Create() => new();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x)
    {
        V one = _exponential.One, magnitude = V.Abs(x);
        V r = _exponential.Reduce(V.AtLeast(-(magnitude + magnitude), _least), out V n);
        V power = V.PowerOfTwo(n);
        V m = V.MultiplyAdd(power, V.MultiplyAdd(r * r, _exponential.Remainder(r), r), power - one);
        V isNear = V.Less(_near, m);
        V quotient = V.Select(isNear, m, _two * (m + one)) / (_two + m);
        return V.CopySign(V.Select(isNear, quotient, one - quotient), x);
    }
}
