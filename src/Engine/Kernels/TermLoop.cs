using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>A function of one register whose constants are fields.</summary>
internal interface IUnaryTerm<TSelf, V>
    where TSelf : struct, IUnaryTerm<TSelf, V>
{
    static abstract TSelf Create();

    V Of(V x);
}

/// <summary>A loop that keeps a function's constants in registers instead of reading each for every register of elements.</summary>
internal static unsafe class TermLoop<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    /// <summary>y = f(x); y may be exactly x.</summary>
    /// <remarks>
    /// Two registers a turn where there are registers for all constants: the compiler moves a constant that is used once back to its
    /// use. Where there are sixteen that is as well.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Map<TTerm, TStore>(T* x, T* y, int length)
        where TTerm : struct, IUnaryTerm<TTerm, V>
        where TStore : struct, IStore
    {
        var term = TTerm.Create();
        nint i = 0;
        if (typeof(V) == typeof(Lanes512<T>))
        {
            for (; i <= length - (2 * V.Count); i += 2 * V.Count)
            {
                V y0 = term.Of(V.Load(x + i)), y1 = term.Of(V.Load(x + i + V.Count));
                TStore.Store<V, T>(y0, y + i);
                TStore.Store<V, T>(y1, y + i + V.Count);
            }
        }

        for (; i <= length - V.Count; i += V.Count)
            TStore.Store<V, T>(term.Of(V.Load(x + i)), y + i);
        int rest = length - (int)i;
        if (rest > 0)
            term.Of(V.LoadFirst(x + i, rest, V.Constant(0))).StoreFirst(y + i, rest);
    }
}
