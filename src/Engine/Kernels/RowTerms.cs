using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>x.</summary>
internal readonly struct ElementTerm<V, T> : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => x;
}

/// <summary>x · y.</summary>
internal readonly struct ProductTerm<V, T> : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    public static bool IsOfTwo => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => x * y;
}

/// <summary>e^(x − shift) with a shift that is no less than any x, or with NaN.</summary>
internal readonly struct ShiftedExpTerm<V, T>(V shift) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => new Exponential<V, T>().OfNonPositive(x - shift);
}

/// <summary>e^(x − shift) for any shift.</summary>
internal readonly struct ExpDifferenceTerm<V, T>(V shift) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => ExpFunction.Invoke<V, T>(x - shift);
}

/// <summary>factor · x.</summary>
internal readonly struct ScaledTerm<V, T>(V factor) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => x * factor;
}

/// <summary>(x − first) − second.</summary>
internal readonly struct DifferenceTerm<V, T>(V first, V second) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => x - first - second;
}

/// <summary>x · (y − shift).</summary>
internal readonly struct ShiftedProductTerm<V, T>(V shift) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    public static bool IsOfTwo => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => x * (y - shift);
}

/// <summary>y − e^x · factor.</summary>
internal readonly struct LessExpTerm<V, T>(V factor) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    public static bool IsOfTwo => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y) => y - ExpFunction.Invoke<V, T>(x) * factor;
}

/// <summary>(x − shift)².</summary>
internal readonly struct SquareTerm<V, T>(V shift) : IRowTerm<V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x, V y)
    {
        V difference = x - shift;
        return difference * difference;
    }
}
