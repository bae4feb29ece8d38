using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>A value for each element of two rows, over a whole register.</summary>
internal interface IRowTerm<V>
{
    V Of(V x, V y);
}

/// <summary>
/// Loops over the elements of rows in registers of V. The order of every sum depends on the length alone: four
/// interleaved registers over blocks of <see cref="Block"/> elements in T, the blocks in float64.
/// </summary>
internal static unsafe class RowLoops<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private const int Block = 1024;

    /// <summary>z = f(x, y); z may be exactly x or y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Map<TTerm>(TTerm term, T* x, T* y, T* z, long n)
        where TTerm : struct, IRowTerm<V>
    {
        long i = 0;
        for (; i <= n - V.Count; i += V.Count)
            term.Of(V.Load(x + i), V.Load(y + i)).Store(z + i);
        int rest = (int)(n - i);
        if (rest > 0)
            term.Of(V.LoadFirst(x + i, rest), V.LoadFirst(y + i, rest)).StoreFirst(z + i, rest);
    }

    /// <summary>Σ f(x, y).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum<TTerm>(TTerm term, T* x, T* y, long n)
        where TTerm : struct, IRowTerm<V> => Sum<TTerm, Discarded>(term, x, y, null, n);

    /// <summary>z = f(x, y) and Σ z; z may be exactly x or y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double MapSum<TTerm>(TTerm term, T* x, T* y, T* z, long n)
        where TTerm : struct, IRowTerm<V> => Sum<TTerm, Stored>(term, x, y, z, n);

    /// <summary>max x; NaN propagates, −∞ for no elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max(T* x, long n)
    {
        V lowest = V.Constant(double.NegativeInfinity), m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
        for (; n >= 4 * V.Count; n -= 4 * V.Count, x += 4 * V.Count)
        {
            m0 = V.Max(m0, V.Load(x));
            m1 = V.Max(m1, V.Load(x + V.Count));
            m2 = V.Max(m2, V.Load(x + (2 * V.Count)));
            m3 = V.Max(m3, V.Load(x + (3 * V.Count)));
        }

        for (; n >= V.Count; n -= V.Count, x += V.Count)
            m0 = V.Max(m0, V.Load(x));
        T greatest = V.Greatest(V.Max(V.Max(m0, m1), V.Max(m2, m3)));
        for (long i = 0; i < n; i++)
            greatest = T.Max(greatest, x[i]);
        return greatest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Sum<TTerm, TStore>(TTerm term, T* x, T* y, T* z, long n)
        where TTerm : struct, IRowTerm<V>
        where TStore : struct
    {
        double sum = 0;
        while (n >= Block)
        {
            sum += Part<TTerm, TStore>(term, x, y, z, Block);
            x += Block;
            y += Block;
            n -= Block;
            if (typeof(TStore) == typeof(Stored))
                z += Block;
        }

        return n == 0 ? sum : sum + Part<TTerm, TStore>(term, x, y, z, (int)n);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Part<TTerm, TStore>(TTerm term, T* x, T* y, T* z, int n)
        where TTerm : struct, IRowTerm<V>
        where TStore : struct
    {
        V zero = V.Constant(0), s0 = zero, s1 = zero, s2 = zero, s3 = zero;
        int i = 0;
        for (; i <= n - (4 * V.Count); i += 4 * V.Count)
        {
            s0 += One<TTerm, TStore>(term, x, y, z, i);
            s1 += One<TTerm, TStore>(term, x, y, z, i + V.Count);
            s2 += One<TTerm, TStore>(term, x, y, z, i + (2 * V.Count));
            s3 += One<TTerm, TStore>(term, x, y, z, i + (3 * V.Count));
        }

        for (; i <= n - V.Count; i += V.Count)
            s0 += One<TTerm, TStore>(term, x, y, z, i);
        int rest = n - i;
        if (rest > 0)
        {
            V value = term.Of(V.LoadFirst(x + i, rest), V.LoadFirst(y + i, rest));
            if (typeof(TStore) == typeof(Stored))
                value.StoreFirst(z + i, rest);
            s1 += V.KeepFirst(value, rest);
        }

        return V.Sum(s0 + s1 + (s2 + s3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V One<TTerm, TStore>(TTerm term, T* x, T* y, T* z, int i)
        where TTerm : struct, IRowTerm<V>
        where TStore : struct
    {
        V value = term.Of(V.Load(x + i), V.Load(y + i));
        if (typeof(TStore) == typeof(Stored))
            value.Store(z + i);
        return value;
    }

    private readonly struct Stored;

    private readonly struct Discarded;
}
