using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>f(x, x).</summary>
internal readonly struct OfItself<TFunction> : IUnaryFunction
    where TFunction : struct, IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => TFunction.Invoke<V, T>(x, x);
}

/// <summary>f(y, x).</summary>
internal readonly struct Swapped<TFunction> : IBinaryFunction
    where TFunction : struct, IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => TFunction.Invoke<V, T>(y, x);
}

/// <summary>g(f(x, y)), each rounded as it is alone.</summary>
internal readonly struct Composed<TInner, TOuter> : IBinaryFunction
    where TInner : struct, IBinaryFunction
    where TOuter : struct, IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => TOuter.Invoke<V, T>(TInner.Invoke<V, T>(x, y));
}

/// <summary>g(f(x, y), z), each rounded as it is alone.</summary>
internal readonly struct ComposedWith<TInner, TOuter> : ITernaryFunction
    where TInner : struct, IBinaryFunction
    where TOuter : struct, IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y, V z) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => TOuter.Invoke<V, T>(TInner.Invoke<V, T>(x, y), z);
}
