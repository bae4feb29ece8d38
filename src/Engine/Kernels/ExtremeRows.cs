using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// The greatest or least of a row by the hardware's own instruction, which passes over NaN and takes either of −0 and +0; what
/// that leaves open is gathered beside it.
/// </summary>
internal static unsafe class ExtremeRows
{
    /// <summary>The same bits as the fold of <typeparamref name="TFunction"/>; false where that has to be asked: for NaN, few elements, and other registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFold<TFunction, T>(T* x, long n, out T extreme)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        extreme = T.Zero;
        int count = Vector256<T>.Count;
        if (Vector512.IsHardwareAccelerated || !Vector256.IsHardwareAccelerated || !Avx.IsSupported || typeof(T) == typeof(long) || n < count)
            return false;

        bool isMax = typeof(TFunction) == typeof(MaxFunction);
        Vector256<T> m0 = Vector256.Load(x), m1 = m0, m2 = m0, m3 = m0, s0 = m0, s1 = m0, unordered0 = Vector256<T>.Zero, unordered1 = unordered0;
        for (; n >= 4 * count; n -= 4 * count, x += 4 * count)
        {
            Vector256<T> x0 = Vector256.Load(x), x1 = Vector256.Load(x + count), x2 = Vector256.Load(x + (2 * count)), x3 = Vector256.Load(x + (3 * count));
            m0 = Extreme(m0, x0, isMax);
            m1 = Extreme(m1, x1, isMax);
            m2 = Extreme(m2, x2, isMax);
            m3 = Extreme(m3, x3, isMax);
            s0 = Signs(s0, Signs(x0, x1, isMax), isMax);
            s1 = Signs(s1, Signs(x2, x3, isMax), isMax);
            unordered0 |= Unordered(x0, x1);
            unordered1 |= Unordered(x2, x3);
        }

        for (; n > 0; n -= count, x += count)
        {
            // What does not fill a register is read with elements before it.
            Vector256<T> next = Vector256.Load(n < count ? x + n - count : x);
            m0 = Extreme(m0, next, isMax);
            s0 = Signs(s0, next, isMax);
            unordered0 |= Unordered(next, next);
        }

        if ((unordered0 | unordered1) != Vector256<T>.Zero)
            return false;
        Vector256<T> m = Extreme(Extreme(m0, m1, isMax), Extreme(m2, m3, isMax), isMax);
        m = Extreme(m, Vector256.Shuffle(m.AsInt64(), Vector256.Create(2L, 3, 0, 1)).As<long, T>(), isMax);
        m = Extreme(m, Vector256.Shuffle(m.AsInt64(), Vector256.Create(1L, 0, 3, 2)).As<long, T>(), isMax);
        if (sizeof(T) == sizeof(float))
            m = Extreme(m, Vector256.Shuffle(m.AsInt32(), Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6)).As<int, T>(), isMax);
        extreme = m.ToScalar();
        if (extreme == T.Zero)
            extreme = Zero<T>(Vector256.ExtractMostSignificantBits(Signs(s0, s1, isMax)), isMax);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Extreme<T>(Vector256<T> x, Vector256<T> y, bool isMax) => isMax ? Vector256.MaxNative(x, y) : Vector256.MinNative(x, y);

    /// <summary>The sign bit of a maximum of zero is set where all are, that of a minimum where any is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Signs<T>(Vector256<T> x, Vector256<T> y, bool isMax) => isMax ? x & y : x | y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Zero<T>(uint signs, bool isMax)
        where T : unmanaged, INumber<T> => (isMax ? signs == (1u << Vector256<T>.Count) - 1 : signs != 0) ? -T.Zero : T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Unordered<T>(Vector256<T> x, Vector256<T> y) => typeof(T) == typeof(float)
        ? Avx.CompareUnordered(x.AsSingle(), y.AsSingle()).As<float, T>()
        : Avx.CompareUnordered(x.AsDouble(), y.AsDouble()).As<double, T>();
}
