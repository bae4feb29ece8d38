using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>x + y; integers wrap.</summary>
internal readonly struct AddFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => x + y;
}

/// <summary>x − y; integers wrap.</summary>
internal readonly struct SubFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => x - y;
}

/// <summary>x · y; integers wrap.</summary>
internal readonly struct MulFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => x * y;
}

/// <summary>x / y.</summary>
internal readonly struct DivFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => x / y;
}

/// <summary>IEEE 754-2019 maximum.</summary>
internal readonly struct MaxFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Max(x, y);
}

/// <summary>IEEE 754-2019 minimum.</summary>
internal readonly struct MinFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Min(x, y);
}

/// <summary>x = y, as a mask; false for NaN.</summary>
internal readonly struct EqualPredicate : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Equal(x, y);
}

/// <summary>x &lt; y, as a mask; false for NaN.</summary>
internal readonly struct LessPredicate : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Less(x, y);
}

/// <summary>x ≠ 0, as a mask, for a register given twice; true for NaN.</summary>
internal readonly struct NonzeroPredicate : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x, V y)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V zero = V.Constant(0);
        return V.Select(V.Equal(x, zero), V.Less(zero, zero), V.Equal(zero, zero));
    }
}

/// <summary>−x; flips the sign of zero, integers wrap.</summary>
internal readonly struct NegFunction : IUnaryFunction
{
    public static bool IsShort => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => -x;
}

/// <summary>|x|.</summary>
internal readonly struct AbsFunction : IUnaryFunction
{
    public static bool IsShort => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Abs(x);
}

/// <summary>√x.</summary>
internal readonly struct SqrtFunction : IUnaryFunction
{
    public static bool IsShort => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Sqrt(x);
}

/// <summary>−1, 0 or 1; +0 for either zero, NaN for NaN.</summary>
internal readonly struct SignFunction : IUnaryFunction
{
    public static bool IsShort => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V zero = V.Constant(0);
        V zeroOrNaN = V.Select(V.Equal(x, x), zero, x);
        return V.Select(V.Less(zero, x), V.Constant(1), V.Select(V.Less(x, zero), V.Constant(-1), zeroOrNaN));
    }
}

/// <summary>0 where y = 0, else g.</summary>
internal readonly struct ReluGradientFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V y, V g) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.Select(V.Equal(y, V.Constant(0)), V.Constant(0), g);
}

/// <summary>max(x, 0): NaN propagates, −0 becomes +0, by the sum.</summary>
internal readonly struct ReluFunction : IUnaryFunction
{
    public static bool IsShort => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged, INumber<T> => V.AtLeast(x, V.Constant(0)) + V.Constant(0);
}
