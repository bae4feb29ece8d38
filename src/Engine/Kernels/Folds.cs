using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Folds of an associative function over contiguous elements, in an order fixed by the length.</summary>
internal static unsafe class Folds
{
    /// <summary>f over x[0..n).</summary>
    public static T Row<TFunction, T>(T* x, long n, T identity)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            return Row<TFunction, Lanes512<T>, T>(x, n, identity);
        if (Vector256.IsHardwareAccelerated)
            return Row<TFunction, Lanes256<T>, T>(x, n, identity);
        return Vector128.IsHardwareAccelerated
            ? Row<TFunction, Lanes128<T>, T>(x, n, identity)
            : Row<TFunction, ScalarLanes<T>, T>(x, n, identity);
    }

    /// <summary>state[j] = f(state[j], x[r·stride + j]) for r in increasing order.</summary>
    public static void Columns<TFunction, T>(T* x, long rows, long stride, int columns, T* state)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Columns<TFunction, Lanes512<T>, T>(x, rows, stride, columns, state);
        else if (Vector256.IsHardwareAccelerated)
            Columns<TFunction, Lanes256<T>, T>(x, rows, stride, columns, state);
        else if (Vector128.IsHardwareAccelerated)
            Columns<TFunction, Lanes128<T>, T>(x, rows, stride, columns, state);
        else
            Columns<TFunction, ScalarLanes<T>, T>(x, rows, stride, columns, state);
    }

    /// <summary>Columns stay in registers while the rows go by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns<TFunction, V, T>(T* x, long rows, long stride, int columns, T* state)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        int j = 0;
        for (; j <= columns - (4 * V.Count); j += 4 * V.Count)
        {
            V s0 = V.Load(state + j), s1 = V.Load(state + j + V.Count), s2 = V.Load(state + j + (2 * V.Count)), s3 = V.Load(state + j + (3 * V.Count));
            T* row = x + j;
            for (long r = 0; r < rows; r++, row += stride)
            {
                s0 = TFunction.Invoke<V, T>(s0, V.Load(row));
                s1 = TFunction.Invoke<V, T>(s1, V.Load(row + V.Count));
                s2 = TFunction.Invoke<V, T>(s2, V.Load(row + (2 * V.Count)));
                s3 = TFunction.Invoke<V, T>(s3, V.Load(row + (3 * V.Count)));
            }

            s0.Store(state + j);
            s1.Store(state + j + V.Count);
            s2.Store(state + j + (2 * V.Count));
            s3.Store(state + j + (3 * V.Count));
        }

        for (; j < columns; j += V.Count)
        {
            int count = Math.Min(V.Count, columns - j);
            V zero = V.Constant(0), s = V.LoadFirst(state + j, count, zero);
            T* row = x + j;
            for (long r = 0; r < rows; r++, row += stride)
                s = TFunction.Invoke<V, T>(s, V.LoadFirst(row, count, zero));
            s.StoreFirst(state + j, count);
        }
    }

    /// <summary>Four interleaved registers, then their lanes; a row shorter than a register one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Row<TFunction, V, T>(T* x, long n, T identity)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (n < V.Count)
        {
            T single = identity;
            for (long i = 0; i < n; i++)
                single = TFunction.Invoke<ScalarLanes<T>, T>(new(single), new(x[i])).Value;
            return single;
        }

        V s0 = V.Broadcast(identity), s1 = s0, s2 = s0, s3 = s0;
        for (; n >= 4 * V.Count; n -= 4 * V.Count, x += 4 * V.Count)
        {
            s0 = TFunction.Invoke<V, T>(s0, V.Load(x));
            s1 = TFunction.Invoke<V, T>(s1, V.Load(x + V.Count));
            s2 = TFunction.Invoke<V, T>(s2, V.Load(x + 2 * V.Count));
            s3 = TFunction.Invoke<V, T>(s3, V.Load(x + 3 * V.Count));
        }

        for (; n >= V.Count; n -= V.Count, x += V.Count)
            s0 = TFunction.Invoke<V, T>(s0, V.Load(x));
        if (n > 0)
            s1 = TFunction.Invoke<V, T>(s1, V.LoadFirst(x, (int)n, V.Broadcast(identity)));
        return V.Fold<TFunction>(TFunction.Invoke<V, T>(TFunction.Invoke<V, T>(s0, s1), TFunction.Invoke<V, T>(s2, s3)));
    }
}
