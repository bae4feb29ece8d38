using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Folds of an associative function over elements of T, or of float32 that are widened to a T of float64, in an order
/// fixed by the length.
/// </summary>
internal static unsafe class Folds
{
    /// <summary>What of the first-level cache rows may take that are read next.</summary>
    private const int NearBytes = 8 << 10;

    /// <summary>f over x[0..n).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Row<TFunction, TSource, T>(TSource* x, long n, T identity)
        where TFunction : struct, IBinaryFunction
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            return Row<TFunction, Lanes512<T>, TSource, T>(x, n, identity);
        if (Vector256.IsHardwareAccelerated)
            return Row<TFunction, Lanes256<T>, TSource, T>(x, n, identity);
        return Vector128.IsHardwareAccelerated
            ? Row<TFunction, Lanes128<T>, TSource, T>(x, n, identity)
            : Row<TFunction, ScalarLanes<T>, TSource, T>(x, n, identity);
    }

    /// <summary>state[j] = f(state[j], x[r·stride + j]) for r in increasing order.</summary>
    /// <param name="isFar">Rows are asked for ahead.</param>
    public static void Columns<TFunction, TSource, T>(TSource* x, int rows, long stride, int columns, bool isFar, T* state)
        where TFunction : struct, IBinaryFunction
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Columns<TFunction, Lanes512<T>, TSource, T>(x, rows, stride, columns, isFar, state);
        else if (Vector256.IsHardwareAccelerated)
            Columns<TFunction, Lanes256<T>, TSource, T>(x, rows, stride, columns, isFar, state);
        else if (Vector128.IsHardwareAccelerated)
            Columns<TFunction, Lanes128<T>, TSource, T>(x, rows, stride, columns, isFar, state);
        else
            Columns<TFunction, ScalarLanes<T>, TSource, T>(x, rows, stride, columns, isFar, state);
    }

    /// <summary>Few columns stay in registers while all rows go by; of many, eight rows at a time pass by the state, so that memory is read along rows.</summary>
    private static void Columns<TFunction, V, TSource, T>(TSource* x, int rows, long stride, int columns, bool isFar, T* state)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        int whole = columns - (columns % V.Count);
        if (columns < 4 * V.Count)
        {
            for (int j = 0; j < whole; j += V.Count)
                OneRegister<TFunction, V, TSource, T>(x + j, rows, stride, state + j);
        }
        else
        {
            int r = 0;
            for (; r <= rows - 8; r += 8)
                EightRows<TFunction, V, TSource, T>(x + (r * stride), stride, whole, isFar && Sse.IsSupported, state);
            for (; r < rows; r++)
                OneRow<TFunction, V, TSource, T>(x + (r * stride), whole, state);
        }

        if (whole < columns)
            PartialRegister<TFunction, V, TSource, T>(x + whole, rows, stride, columns - whole, state + whole);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRegister<TFunction, V, TSource, T>(TSource* x, int rows, long stride, T* state)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        V s = V.Load(state);
        for (int r = 0; r < rows; r++, x += stride)
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x));
        s.Store(state);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PartialRegister<TFunction, V, TSource, T>(TSource* x, int rows, long stride, int columns, T* state)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        V s = V.LoadFirst(state, columns, V.Constant(0));
        for (int r = 0; r < rows; r++, x += stride)
            s = TFunction.Invoke<V, T>(s, LoadFirst<V, TSource, T>(x, columns, V.Constant(0)));
        s.StoreFirst(state, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EightRows<TFunction, V, TSource, T>(TSource* x, long stride, int columns, bool isFetching, T* state)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        TSource* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride, x6 = x5 + stride, x7 = x6 + stride;
        // Rows shorter than a page the hardware does not foresee: the next eight are fetched where these are read. Longer ones it follows once begun.
        int bytes = columns * sizeof(TSource);
        bool isShort = isFetching && bytes < Prefetch.Page, isNear = 8 * bytes <= NearBytes;
        long next = 8 * stride;
        for (int r = 0; isFetching && !isShort && r < 8; r++)
            Prefetch.Pages(x + next + (r * stride), bytes);
        for (int j = 0; j < columns; j += V.Count)
        {
            V s = TFunction.Invoke<V, T>(V.Load(state + j), Load<V, TSource, T>(x + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x1 + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x2 + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x3 + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x4 + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x5 + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x6 + j));
            s = TFunction.Invoke<V, T>(s, Load<V, TSource, T>(x7 + j));
            s.Store(state + j);
            if (!isShort || j % (Prefetch.CacheLine / sizeof(TSource)) >= V.Count)
                continue;
            if (isNear)
            {
                Sse.Prefetch0(x + next + j);
                Sse.Prefetch0(x1 + next + j);
                Sse.Prefetch0(x2 + next + j);
                Sse.Prefetch0(x3 + next + j);
                Sse.Prefetch0(x4 + next + j);
                Sse.Prefetch0(x5 + next + j);
                Sse.Prefetch0(x6 + next + j);
                Sse.Prefetch0(x7 + next + j);
            }
            else
            {
                Sse.Prefetch1(x + next + j);
                Sse.Prefetch1(x1 + next + j);
                Sse.Prefetch1(x2 + next + j);
                Sse.Prefetch1(x3 + next + j);
                Sse.Prefetch1(x4 + next + j);
                Sse.Prefetch1(x5 + next + j);
                Sse.Prefetch1(x6 + next + j);
                Sse.Prefetch1(x7 + next + j);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow<TFunction, V, TSource, T>(TSource* x, int columns, T* state)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        for (int j = 0; j < columns; j += V.Count)
            TFunction.Invoke<V, T>(V.Load(state + j), Load<V, TSource, T>(x + j)).Store(state + j);
    }

    /// <summary>
    /// Four interleaved registers (eight for widened sums at 256 bits), the end that is shorter than four, then the registers, then
    /// their lanes; a row shorter than a register one by one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Row<TFunction, V, TSource, T>(TSource* x, long n, T identity)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        if (n < V.Count)
        {
            var single = new ScalarLanes<T>(identity);
            for (long i = 0; i < n; i++)
                single = TFunction.Invoke<ScalarLanes<T>, T>(single, Load<ScalarLanes<T>, TSource, T>(x + i));
            return single.Value;
        }

        V s0 = V.Broadcast(identity), s1 = s0, s2 = s0, s3 = s0;
        if (typeof(V) == typeof(Lanes256<T>) && typeof(TSource) != typeof(T) && typeof(TFunction) == typeof(AddFunction) && n >= 8 * V.Count)
        {
            // Conversions take the units that add: 1 · x + s, the same number, leaves those to them. In plain vectors, for the compiler
            // copies each sum of wrapped ones once more.
            Vector256<double> w0 = default, w1 = w0, w2 = w0, w3 = w0, w4 = w0, w5 = w0, w6 = w0, w7 = w0, one = Vector256<double>.One;
            for (; n >= 8 * V.Count; n -= 8 * V.Count, x += 8 * V.Count)
            {
                w0 = Vector256.MultiplyAddEstimate(Widened((float*)x), one, w0);
                w1 = Vector256.MultiplyAddEstimate(Widened((float*)x + 4), one, w1);
                w2 = Vector256.MultiplyAddEstimate(Widened((float*)x + 8), one, w2);
                w3 = Vector256.MultiplyAddEstimate(Widened((float*)x + 12), one, w3);
                w4 = Vector256.MultiplyAddEstimate(Widened((float*)x + 16), one, w4);
                w5 = Vector256.MultiplyAddEstimate(Widened((float*)x + 20), one, w5);
                w6 = Vector256.MultiplyAddEstimate(Widened((float*)x + 24), one, w6);
                w7 = Vector256.MultiplyAddEstimate(Widened((float*)x + 28), one, w7);
            }

            s0 = Unsafe.BitCast<Vector256<double>, V>(w0 + w4);
            s1 = Unsafe.BitCast<Vector256<double>, V>(w1 + w5);
            s2 = Unsafe.BitCast<Vector256<double>, V>(w2 + w6);
            s3 = Unsafe.BitCast<Vector256<double>, V>(w3 + w7);
        }

        for (; n >= 4 * V.Count; n -= 4 * V.Count, x += 4 * V.Count)
        {
            s0 = TFunction.Invoke<V, T>(s0, Load<V, TSource, T>(x));
            s1 = TFunction.Invoke<V, T>(s1, Load<V, TSource, T>(x + V.Count));
            s2 = TFunction.Invoke<V, T>(s2, Load<V, TSource, T>(x + (2 * V.Count)));
            s3 = TFunction.Invoke<V, T>(s3, Load<V, TSource, T>(x + (3 * V.Count)));
        }

        for (; n >= V.Count; n -= V.Count, x += V.Count)
            s0 = TFunction.Invoke<V, T>(s0, Load<V, TSource, T>(x));
        if (n > 0)
            s1 = TFunction.Invoke<V, T>(s1, LoadFirst<V, TSource, T>(x, (int)n, V.Broadcast(identity)));
        return V.Fold<TFunction>(TFunction.Invoke<V, T>(TFunction.Invoke<V, T>(s0, s1), TFunction.Invoke<V, T>(s2, s3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Load<V, TSource, T>(TSource* x)
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T> => typeof(TSource) == typeof(T) ? V.Load((T*)x) : V.LoadSingle((float*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Widened(float* x) => Avx.ConvertToVector256Double(Vector128.Load(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LoadFirst<V, TSource, T>(TSource* x, int count, V otherwise)
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T> => typeof(TSource) == typeof(T) ? V.LoadFirst((T*)x, count, otherwise) : V.LoadSingleFirst((float*)x, count, otherwise);
}
