using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Folds of an associative function over contiguous elements, in an order fixed by the length.</summary>
internal static unsafe class Folds
{
    /// <summary>f over x[0..n): four interleaved registers, then their lanes in order. The tail is padded with the identity.</summary>
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
        for (long r = 0; r < rows; r++, x += stride)
            WholeVectors.Map<TFunction, T>(new(state, columns), new(x, columns), new(state, columns));
    }

    private static T Row<TFunction, V, T>(T* x, long n, T identity)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        V s0 = V.Broadcast(identity), s1 = s0, s2 = s0, s3 = s0;
        T* lanes = stackalloc T[V.Count];
        s0.Store(lanes);
        for (; n >= 4 * V.Count; n -= 4 * V.Count, x += 4 * V.Count)
        {
            s0 = TFunction.Invoke<V, T>(s0, V.Load(x));
            s1 = TFunction.Invoke<V, T>(s1, V.Load(x + V.Count));
            s2 = TFunction.Invoke<V, T>(s2, V.Load(x + 2 * V.Count));
            s3 = TFunction.Invoke<V, T>(s3, V.Load(x + 3 * V.Count));
        }

        for (; n >= V.Count; n -= V.Count, x += V.Count)
            s0 = TFunction.Invoke<V, T>(s0, V.Load(x));
        for (int i = 0; i < n; i++)
            lanes[i] = x[i];
        s1 = TFunction.Invoke<V, T>(s1, V.Load(lanes));

        TFunction.Invoke<V, T>(TFunction.Invoke<V, T>(s0, s1), TFunction.Invoke<V, T>(s2, s3)).Store(lanes);
        T result = lanes[0];
        for (int i = 1; i < V.Count; i++)
            result = TFunction.Invoke<ScalarLanes<T>, T>(new(result), new(lanes[i])).Value;
        return result;
    }
}
