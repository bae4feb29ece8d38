using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>e^x, subnormal results included.</summary>
internal readonly unsafe struct ExpFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => new ExpTerm<V, T>().Of(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        TermLoop<V, T>.Map<ExpTerm<V, T>, TStore>(x, y, length);
        return true;
    }
}

/// <summary>1 / (1 + e^−x).</summary>
internal readonly unsafe struct SigmoidFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => new SigmoidTerm<V, T>().Of(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        TermLoop<V, T>.Map<SigmoidTerm<V, T>, TStore>(x, y, length);
        return true;
    }
}

/// <summary>tanh x.</summary>
internal readonly unsafe struct TanhFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => new TanhTerm<V, T>().Of(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        TermLoop<V, T>.Map<TanhTerm<V, T>, TStore>(x, y, length);
        return true;
    }
}

/// <summary>ln(1 + e^x) = max(x, 0) + log1p(e^−|x|).</summary>
internal readonly unsafe struct SoftplusFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? V.ThroughDouble<SoftplusFunction>(x) : Wide<V, T>(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) != typeof(float))
            return false;
        WideTiles.Map<SoftplusFunction>((float*)x, (float*)y, length);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Wide<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V e = new Exponential<V, T>().OfNonPositive(-V.Abs(x));
        return V.Max(x, V.Constant(0)) + Log1PFunction.Invoke<V, T>(e);
    }
}
