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
    /// <summary>How far ahead a stream is asked for.</summary>
    private const int FetchBytes = 1024;

    /// <summary>What of the first-level cache rows may take that are read next.</summary>
    private const int NearBytes = 8 << 10;

    /// <summary>Whether <see cref="FourRows{TFunction, TSource, T}"/> may be called.</summary>
    public static bool HasFourRows => Vector512.IsHardwareAccelerated;

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

    /// <summary>
    /// states[k] = f over x[k·stride + [0..n)) for k in 0..3, each with the bits of a single row. Far memory is read faster along four
    /// streams than along one; four registers for each need thirty-two.
    /// </summary>
    public static void FourRows<TFunction, TSource, T>(TSource* x, long stride, int n, T identity, T* states)
        where TFunction : struct, IBinaryFunction
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T> => FourRows<TFunction, Lanes512<T>, TSource, T>(x, stride, n, identity, states);

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
        // Eight short streams are not foreseen by the hardware: the next eight rows are fetched where these are read.
        bool isNear = 8 * columns * sizeof(TSource) <= NearBytes;
        long next = 8 * stride;
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
            if (!isFetching || j % (64 / sizeof(TSource)) >= V.Count)
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

    /// <summary>Four interleaved registers, then their lanes; a row shorter than a register one by one.</summary>
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
        for (; n >= 4 * V.Count; n -= 4 * V.Count, x += 4 * V.Count)
        {
            s0 = TFunction.Invoke<V, T>(s0, Load<V, TSource, T>(x));
            s1 = TFunction.Invoke<V, T>(s1, Load<V, TSource, T>(x + V.Count));
            s2 = TFunction.Invoke<V, T>(s2, Load<V, TSource, T>(x + (2 * V.Count)));
            s3 = TFunction.Invoke<V, T>(s3, Load<V, TSource, T>(x + (3 * V.Count)));
        }

        return Finish<TFunction, V, TSource, T>(x, n, s0, s1, s2, s3, identity);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows<TFunction, V, TSource, T>(TSource* x, long stride, int n, T identity, T* states)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        TSource* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
        if (n < V.Count)
        {
            states[0] = Row<TFunction, V, TSource, T>(x, n, identity);
            states[1] = Row<TFunction, V, TSource, T>(x1, n, identity);
            states[2] = Row<TFunction, V, TSource, T>(x2, n, identity);
            states[3] = Row<TFunction, V, TSource, T>(x3, n, identity);
            return;
        }

        V identities = V.Broadcast(identity);
        V a0 = identities, a1 = identities, a2 = identities, a3 = identities;
        V b0 = identities, b1 = identities, b2 = identities, b3 = identities;
        V c0 = identities, c1 = identities, c2 = identities, c3 = identities;
        V d0 = identities, d1 = identities, d2 = identities, d3 = identities;
        long end = n - (n % (4 * V.Count));
        for (long i = 0; i < end; i += 4 * V.Count)
        {
            Fetch<V, TSource, T>(x + i);
            a0 = TFunction.Invoke<V, T>(a0, Load<V, TSource, T>(x + i));
            a1 = TFunction.Invoke<V, T>(a1, Load<V, TSource, T>(x + i + V.Count));
            a2 = TFunction.Invoke<V, T>(a2, Load<V, TSource, T>(x + i + (2 * V.Count)));
            a3 = TFunction.Invoke<V, T>(a3, Load<V, TSource, T>(x + i + (3 * V.Count)));
            Fetch<V, TSource, T>(x1 + i);
            b0 = TFunction.Invoke<V, T>(b0, Load<V, TSource, T>(x1 + i));
            b1 = TFunction.Invoke<V, T>(b1, Load<V, TSource, T>(x1 + i + V.Count));
            b2 = TFunction.Invoke<V, T>(b2, Load<V, TSource, T>(x1 + i + (2 * V.Count)));
            b3 = TFunction.Invoke<V, T>(b3, Load<V, TSource, T>(x1 + i + (3 * V.Count)));
            Fetch<V, TSource, T>(x2 + i);
            c0 = TFunction.Invoke<V, T>(c0, Load<V, TSource, T>(x2 + i));
            c1 = TFunction.Invoke<V, T>(c1, Load<V, TSource, T>(x2 + i + V.Count));
            c2 = TFunction.Invoke<V, T>(c2, Load<V, TSource, T>(x2 + i + (2 * V.Count)));
            c3 = TFunction.Invoke<V, T>(c3, Load<V, TSource, T>(x2 + i + (3 * V.Count)));
            Fetch<V, TSource, T>(x3 + i);
            d0 = TFunction.Invoke<V, T>(d0, Load<V, TSource, T>(x3 + i));
            d1 = TFunction.Invoke<V, T>(d1, Load<V, TSource, T>(x3 + i + V.Count));
            d2 = TFunction.Invoke<V, T>(d2, Load<V, TSource, T>(x3 + i + (2 * V.Count)));
            d3 = TFunction.Invoke<V, T>(d3, Load<V, TSource, T>(x3 + i + (3 * V.Count)));
        }

        states[0] = Finish<TFunction, V, TSource, T>(x + end, n - end, a0, a1, a2, a3, identity);
        states[1] = Finish<TFunction, V, TSource, T>(x1 + end, n - end, b0, b1, b2, b3, identity);
        states[2] = Finish<TFunction, V, TSource, T>(x2 + end, n - end, c0, c1, c2, c3, identity);
        states[3] = Finish<TFunction, V, TSource, T>(x3 + end, n - end, d0, d1, d2, d3, identity);
    }

    /// <summary>Asks for four registers' worth of a stream, a kilobyte ahead.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch<V, TSource, T>(TSource* x)
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
        if (!Sse.IsSupported)
            return;
        byte* ahead = (byte*)x + FetchBytes;
        Sse.Prefetch0(ahead);
        if (4 * V.Count * sizeof(TSource) > 64)
            Sse.Prefetch0(ahead + 64);
        if (4 * V.Count * sizeof(TSource) > 128)
        {
            Sse.Prefetch0(ahead + 128);
            Sse.Prefetch0(ahead + 192);
        }
    }

    /// <summary>The end of a row, shorter than four registers, then the registers, then their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Finish<TFunction, V, TSource, T>(TSource* x, long n, V s0, V s1, V s2, V s3, T identity)
        where TFunction : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T>
    {
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
    private static V LoadFirst<V, TSource, T>(TSource* x, int count, V otherwise)
        where V : struct, ILanes<V, T>
        where TSource : unmanaged, INumber<TSource>
        where T : unmanaged, INumber<T> => typeof(TSource) == typeof(T) ? V.LoadFirst((T*)x, count, otherwise) : V.LoadSingleFirst((float*)x, count, otherwise);
}
