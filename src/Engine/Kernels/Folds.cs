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

    /// <summary>Elements of a turn of the loop over a widened sum.</summary>
    private const int WidenedTurn = 32;

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
    /// Four interleaved registers (in halves for widened sums at 256 bits), the end that is shorter than four, then the registers, then
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

        bool byHalves = typeof(V) == typeof(Lanes256<T>) || (typeof(V) == typeof(Lanes512<T>) && IsaLevel.IsSplit);
        if (byHalves && typeof(TSource) != typeof(T) && typeof(TFunction) == typeof(AddFunction) && n >= WidenedTurn)
            return Unsafe.BitCast<double, T>(WidenedSum((float*)x, n));
        V s0 = V.Broadcast(identity), s1 = s0, s2 = s0, s3 = s0;
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

    /// <summary>
    /// The sum that four registers of 512 bits make, in their halves. Conversions of 256 bits take the units that add: 1 · x + s, the
    /// same number, leaves those to them. In plain vectors, for the compiler copies each sum of wrapped ones once more.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double WidenedSum(float* x, long n)
    {
        Vector256<double> low0 = default, high0 = low0, low1 = low0, high1 = low0, low2 = low0, high2 = low0, low3 = low0, high3 = low0, one = Vector256<double>.One;
        for (; n >= WidenedTurn; n -= WidenedTurn, x += WidenedTurn)
        {
            low0 = Vector256.MultiplyAddEstimate(Widened(x), one, low0);
            high0 = Vector256.MultiplyAddEstimate(Widened(x + 4), one, high0);
            low1 = Vector256.MultiplyAddEstimate(Widened(x + 8), one, low1);
            high1 = Vector256.MultiplyAddEstimate(Widened(x + 12), one, high1);
            low2 = Vector256.MultiplyAddEstimate(Widened(x + 16), one, low2);
            high2 = Vector256.MultiplyAddEstimate(Widened(x + 20), one, high2);
            low3 = Vector256.MultiplyAddEstimate(Widened(x + 24), one, low3);
            high3 = Vector256.MultiplyAddEstimate(Widened(x + 28), one, high3);
        }

        for (; n >= 8; n -= 8, x += 8)
        {
            low0 += Widened(x);
            high0 += Widened(x + 4);
        }

        if (n > 0)
        {
            var (zero, first) = (Lanes256<double>.Constant(0), (int)Math.Min(n, 4));
            low1 += Unsafe.BitCast<Lanes256<double>, Vector256<double>>(Lanes256<double>.LoadSingleFirst(x, first, zero));
            high1 += Unsafe.BitCast<Lanes256<double>, Vector256<double>>(Lanes256<double>.LoadSingleFirst(x + 4, (int)n - first, zero));
        }

        return Lanes256<double>.Fold<AddFunction>(Unsafe.BitCast<Vector256<double>, Lanes256<double>>(low0 + low1 + (low2 + low3) + (high0 + high1 + (high2 + high3))));
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
