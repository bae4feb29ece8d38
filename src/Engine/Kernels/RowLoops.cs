using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>A value for each element of two rows, over a whole register.</summary>
internal interface IRowTerm<V>
{
    V Of(V x, V y);

    /// <summary>Whether y is looked at.</summary>
    static virtual bool IsOfTwo => false;
}

/// <summary>
/// Loops over the elements of rows in registers of V. The order of every sum depends on the length alone: two interleaved
/// registers, or four of 256 bits and less where nothing is written, over blocks of <see cref="Block"/> elements in T, the blocks in
/// float64. Each loop is a method of its own: what it inlines stays within the compiler's budget.
/// </summary>
internal static unsafe class RowLoops<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private const int Block = 1024;

    /// <summary>z = f(x, y); z may be exactly x or y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Map<TTerm>(TTerm term, T* x, T* y, T* z, long n)
        where TTerm : struct, IRowTerm<V>
    {
        long i = 0;
        for (; i <= n - (2 * V.Count); i += 2 * V.Count)
        {
            V z0 = At(term, x + i, y + i), z1 = At(term, x + i + V.Count, y + i + V.Count);
            z0.Store(z + i);
            z1.Store(z + i + V.Count);
        }

        for (; i <= n - V.Count; i += V.Count)
            At(term, x + i, y + i).Store(z + i);
        int rest = (int)(n - i);
        if (rest > 0)
            term.Of(V.LoadFirst(x + i, rest, V.Constant(0)), V.LoadFirst(y + i, rest, V.Constant(0))).StoreFirst(z + i, rest);
    }

    /// <summary>Σ f(x, y).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static double Sum<TTerm>(TTerm term, T* x, T* y, long n)
        where TTerm : struct, IRowTerm<V>
    {
        double sum = 0;
        for (long first = 0; first < n; first += Block)
        {
            long end = Math.Min(n, first + Block), i = first;
            V s0 = V.Constant(0), s1 = s0;
            if (typeof(V) != typeof(Lanes512<T>))
            {
                V s2 = s0, s3 = s0;
                for (; i <= end - (4 * V.Count); i += 4 * V.Count)
                {
                    s0 += At(term, x + i, y + i);
                    s1 += At(term, x + i + V.Count, y + i + V.Count);
                    s2 += At(term, x + i + (2 * V.Count), y + i + (2 * V.Count));
                    s3 += At(term, x + i + (3 * V.Count), y + i + (3 * V.Count));
                }

                (s0, s1) = (s0 + s2, s1 + s3);
            }

            for (; i <= end - (2 * V.Count); i += 2 * V.Count)
            {
                s0 += At(term, x + i, y + i);
                s1 += At(term, x + i + V.Count, y + i + V.Count);
            }

            for (; i < end; i += V.Count)
            {
                int count = (int)Math.Min(V.Count, end - i);
                s0 += V.KeepFirst(term.Of(V.LoadFirst(x + i, count, V.Constant(0)), V.LoadFirst(y + i, count, V.Constant(0))), count);
            }

            sum += V.Sum(s0 + s1);
        }

        return sum;
    }

    /// <summary>z = f(x, y) and Σ z; z may be exactly x or y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static double MapSum<TTerm>(TTerm term, T* x, T* y, T* z, long n)
        where TTerm : struct, IRowTerm<V>
    {
        double sum = 0;
        for (long first = 0; first < n; first += Block)
        {
            long end = Math.Min(n, first + Block), i = first;
            V s0 = V.Constant(0), s1 = s0;
            for (; i <= end - (2 * V.Count); i += 2 * V.Count)
            {
                V z0 = At(term, x + i, y + i), z1 = At(term, x + i + V.Count, y + i + V.Count);
                z0.Store(z + i);
                z1.Store(z + i + V.Count);
                s0 += z0;
                s1 += z1;
            }

            for (; i < end; i += V.Count)
            {
                int count = (int)Math.Min(V.Count, end - i);
                V value = term.Of(V.LoadFirst(x + i, count, V.Constant(0)), V.LoadFirst(y + i, count, V.Constant(0)));
                value.StoreFirst(z + i, count);
                s0 += V.KeepFirst(value, count);
            }

            sum += V.Sum(s0 + s1);
        }

        return sum;
    }

    /// <summary>The greatest x; −∞ for no elements. Whether NaN counts is up to the hardware: e^(NaN − max) is NaN either way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static T Max(T* x, long n)
    {
        V lowest = V.Constant(double.NegativeInfinity), m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
        for (; n >= 4 * V.Count; n -= 4 * V.Count, x += 4 * V.Count)
        {
            m0 = V.AtLeast(m0, V.Load(x));
            m1 = V.AtLeast(m1, V.Load(x + V.Count));
            m2 = V.AtLeast(m2, V.Load(x + (2 * V.Count)));
            m3 = V.AtLeast(m3, V.Load(x + (3 * V.Count)));
        }

        for (; n >= V.Count; n -= V.Count, x += V.Count)
            m0 = V.AtLeast(m0, V.Load(x));
        if (n > 0)
            m1 = V.AtLeast(m1, V.LoadFirst(x, (int)n, lowest));
        return V.Fold<MaxFunction>(V.AtLeast(V.AtLeast(m0, m1), V.AtLeast(m2, m3)));
    }

    /// <summary>f of whole registers. A register that is not looked at would still be touched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V At<TTerm>(TTerm term, T* x, T* y)
        where TTerm : struct, IRowTerm<V>
    {
        V first = V.Load(x);
        return term.Of(first, TTerm.IsOfTwo ? V.Load(y) : first);
    }
}
