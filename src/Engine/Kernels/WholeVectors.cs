using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>A function of one element, y = f(x), written over a whole register.</summary>
internal unsafe interface IUnaryFunction
{
    static abstract V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>;

    /// <summary>y = f(x) with the same bits, for functions with a loop of their own; false, with nothing done, for the others.</summary>
    static virtual bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => false;

    /// <summary>Whether it is so few instructions that it pays to compute it in the loop of the function before it.</summary>
    static virtual bool IsShort => false;
}

/// <summary>A function of two elements, z = f(x, y), written over a whole register.</summary>
internal unsafe interface IBinaryFunction
{
    static abstract V Invoke<V, T>(V x, V y)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>;

    /// <summary>z = f(x, y) with the same bits, for functions with a loop of their own; false, with nothing done, for the others.</summary>
    static virtual bool Map<V, T>(T* x, T* y, T* z, int length)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => false;

    /// <summary>Whether it is so many instructions that those of a loop count little beside them.</summary>
    static virtual bool IsLong => false;
}

/// <summary>A function of three elements, w = f(x, y, z), written over a whole register.</summary>
internal interface ITernaryFunction
{
    static abstract V Invoke<V, T>(V x, V y, V z)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>;
}

/// <summary>
/// Drivers that apply a function to spans in whole registers only. What does not fill a register is filled up with ones, so the
/// bits of an element depend on its value alone, never on the length or on its position. Outputs may be exactly the same buffer as an input; partial overlap is not allowed.
/// </summary>
internal static unsafe class WholeVectors
{
    public static void Map<TFunction, T>(ReadOnlySpan<T> x, Span<T> y)
        where TFunction : struct, IUnaryFunction
        where T : unmanaged, INumber<T>
    {
        RequireLength(x.Length, y.Length);
        fixed (T* px = x, py = y)
            Map<TFunction, T>(px, py, x.Length);
    }

    public static void Map<TFunction, T>(T* x, T* y, int length)
        where TFunction : struct, IUnaryFunction
        where T : unmanaged, INumber<T> =>
        Map<TFunction, CachedStore, T>(x, y, length);

    /// <summary>The same with the same bits for an output beyond the caches, which is not read first and stays out of them where it is aligned; the caller fences.</summary>
    public static void Stream<TFunction, T>(T* x, T* y, int length)
        where TFunction : struct, IUnaryFunction
        where T : unmanaged, INumber<T>
    {
        if (StreamingStore.Takes(y))
            Map<TFunction, StreamingStore, T>(x, y, length);
        else
            Map<TFunction, CachedStore, T>(x, y, length);
    }

    private static void Map<TFunction, TStore, T>(T* x, T* y, int length)
        where TFunction : struct, IUnaryFunction
        where TStore : struct, IStore
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes512<T>, T>(x, y, length);
        else if (Vector256.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes256<T>, T>(x, y, length);
        else if (Vector128.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes128<T>, T>(x, y, length);
        else
            Map<TFunction, TStore, ScalarLanes<T>, T>(x, y, length);
    }

    public static void Map<TFunction, T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        RequireLength(x.Length, y.Length);
        RequireLength(x.Length, z.Length);
        fixed (T* px = x, py = y, pz = z)
            Map<TFunction, T>(px, py, pz, x.Length);
    }

    public static void Map<TFunction, T>(T* x, T* y, T* z, int length)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T> =>
        Map<TFunction, CachedStore, T>(x, y, z, length);

    /// <summary>The same with the same bits for an output beyond the caches, which is not read first and stays out of them where it is aligned; the caller fences.</summary>
    public static void Stream<TFunction, T>(T* x, T* y, T* z, int length)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        if (StreamingStore.Takes(z))
            Map<TFunction, StreamingStore, T>(x, y, z, length);
        else
            Map<TFunction, CachedStore, T>(x, y, z, length);
    }

    /// <summary>z = f(x, y) for one y, with the same bits.</summary>
    /// <param name="streams">As <see cref="Stream{TFunction, T}(T*, T*, T*, int)"/>.</param>
    public static void MapSplat<TFunction, T>(T* x, T* y, T* z, int length, bool streams)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        if (streams && StreamingStore.Takes(z))
            MapSplat<TFunction, StreamingStore, T>(x, y, z, length);
        else
            MapSplat<TFunction, CachedStore, T>(x, y, z, length);
    }

    private static void MapSplat<TFunction, TStore, T>(T* x, T* y, T* z, int length)
        where TFunction : struct, IBinaryFunction
        where TStore : struct, IStore
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            MapSplat<TFunction, TStore, Lanes512<T>, T>(x, y, z, length);
        else if (Vector256.IsHardwareAccelerated)
            MapSplat<TFunction, TStore, Lanes256<T>, T>(x, y, z, length);
        else if (Vector128.IsHardwareAccelerated)
            MapSplat<TFunction, TStore, Lanes128<T>, T>(x, y, z, length);
        else
            MapSplat<TFunction, TStore, ScalarLanes<T>, T>(x, y, z, length);
    }

    private static void Map<TFunction, TStore, T>(T* x, T* y, T* z, int length)
        where TFunction : struct, IBinaryFunction
        where TStore : struct, IStore
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes512<T>, T>(x, y, z, length);
        else if (Vector256.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes256<T>, T>(x, y, z, length);
        else if (Vector128.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes128<T>, T>(x, y, z, length);
        else
            Map<TFunction, TStore, ScalarLanes<T>, T>(x, y, z, length);
    }

    public static void Map<TFunction, T>(T* x, T* y, T* z, T* w, int length)
        where TFunction : struct, ITernaryFunction
        where T : unmanaged, INumber<T> =>
        Map<TFunction, CachedStore, T>(x, y, z, w, length);

    /// <summary>The same with the same bits for an output beyond the caches, which is not read first and stays out of them where it is aligned; the caller fences.</summary>
    public static void Stream<TFunction, T>(T* x, T* y, T* z, T* w, int length)
        where TFunction : struct, ITernaryFunction
        where T : unmanaged, INumber<T>
    {
        if (StreamingStore.Takes(w))
            Map<TFunction, StreamingStore, T>(x, y, z, w, length);
        else
            Map<TFunction, CachedStore, T>(x, y, z, w, length);
    }

    private static void Map<TFunction, TStore, T>(T* x, T* y, T* z, T* w, int length)
        where TFunction : struct, ITernaryFunction
        where TStore : struct, IStore
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes512<T>, T>(x, y, z, w, length);
        else if (Vector256.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes256<T>, T>(x, y, z, w, length);
        else if (Vector128.IsHardwareAccelerated)
            Map<TFunction, TStore, Lanes128<T>, T>(x, y, z, w, length);
        else
            Map<TFunction, TStore, ScalarLanes<T>, T>(x, y, z, w, length);
    }

    /// <summary>z[i] = 1 where the predicate's mask is set, else 0.</summary>
    public static void Test<TPredicate, T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<byte> z)
        where TPredicate : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        RequireLength(x.Length, y.Length);
        RequireLength(x.Length, z.Length);
        fixed (T* px = x, py = y)
        fixed (byte* pz = z)
        {
            if (Vector512.IsHardwareAccelerated)
                Test<TPredicate, Lanes512<T>, T>(px, py, pz, x.Length);
            else if (Vector256.IsHardwareAccelerated)
                Test<TPredicate, Lanes256<T>, T>(px, py, pz, x.Length);
            else if (Vector128.IsHardwareAccelerated)
                Test<TPredicate, Lanes128<T>, T>(px, py, pz, x.Length);
            else
                Test<TPredicate, ScalarLanes<T>, T>(px, py, pz, x.Length);
        }
    }

    public static void RequireLength(int expected, int actual)
    {
        if (expected != actual)
            throw new ArgumentException("Spans of an elementwise function have the same length.");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Map<TFunction, TStore, V, T>(T* x, T* y, int length)
        where TFunction : struct, IUnaryFunction
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (TFunction.Map<TStore, V, T>(x, y, length))
            return;

        int i = 0;
        for (; i <= length - V.Count; i += V.Count)
            TStore.Store<V, T>(TFunction.Invoke<V, T>(V.Load(x + i)), y + i);
        if (i < length)
            TFunction.Invoke<V, T>(First<V, T>(x + i, length - i)).StoreFirst(y + i, length - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Map<TFunction, TStore, V, T>(T* x, T* y, T* z, int length)
        where TFunction : struct, IBinaryFunction
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (TFunction.Map<V, T>(x, y, z, length))
            return;

        nint i = 0;
        for (; !TFunction.IsLong && i <= length - (2 * V.Count); i += 2 * V.Count)
        {
            V z0 = TFunction.Invoke<V, T>(V.Load(x + i), V.Load(y + i));
            V z1 = TFunction.Invoke<V, T>(V.Load(x + i + V.Count), V.Load(y + i + V.Count));
            TStore.Store<V, T>(z0, z + i);
            TStore.Store<V, T>(z1, z + i + V.Count);
        }

        for (; i <= length - V.Count; i += V.Count)
            TStore.Store<V, T>(TFunction.Invoke<V, T>(V.Load(x + i), V.Load(y + i)), z + i);
        int rest = length - (int)i;
        if (rest > 0)
            TFunction.Invoke<V, T>(First<V, T>(x + i, rest), First<V, T>(y + i, rest)).StoreFirst(z + i, rest);
    }

    /// <remarks>
    /// The splat is read from memory each time, as <see cref="Map{TFunction, T}(T*, T*, T*, int)"/> reads y: with a register that stays
    /// the compiler exchanges the operands of sums and products, and of two NaNs the other comes out.
    /// </remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void MapSplat<TFunction, TStore, V, T>(T* x, T* y, T* z, int length)
        where TFunction : struct, IBinaryFunction
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        byte* room = stackalloc byte[2 * Prefetch.CacheLine];
        T* b = (T*)(((nuint)room + Prefetch.CacheLine - 1) / Prefetch.CacheLine * Prefetch.CacheLine);
        V.Broadcast(*y).Store(b);
        nint i = 0;
        for (; !TFunction.IsLong && i <= length - (2 * V.Count); i += 2 * V.Count)
        {
            V z0 = TFunction.Invoke<V, T>(V.Load(x + i), V.Load(b)), z1 = TFunction.Invoke<V, T>(V.Load(x + i + V.Count), V.Load(b));
            TStore.Store<V, T>(z0, z + i);
            TStore.Store<V, T>(z1, z + i + V.Count);
        }

        for (; i <= length - V.Count; i += V.Count)
            TStore.Store<V, T>(TFunction.Invoke<V, T>(V.Load(x + i), V.Load(b)), z + i);
        int rest = length - (int)i;
        if (rest > 0)
            TFunction.Invoke<V, T>(First<V, T>(x + i, rest), V.Load(b)).StoreFirst(z + i, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Map<TFunction, TStore, V, T>(T* x, T* y, T* z, T* w, int length)
        where TFunction : struct, ITernaryFunction
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        nint i = 0;
        for (; i <= length - (2 * V.Count); i += 2 * V.Count)
        {
            V w0 = TFunction.Invoke<V, T>(V.Load(x + i), V.Load(y + i), V.Load(z + i));
            V w1 = TFunction.Invoke<V, T>(V.Load(x + i + V.Count), V.Load(y + i + V.Count), V.Load(z + i + V.Count));
            TStore.Store<V, T>(w0, w + i);
            TStore.Store<V, T>(w1, w + i + V.Count);
        }

        for (; i <= length - V.Count; i += V.Count)
            TStore.Store<V, T>(TFunction.Invoke<V, T>(V.Load(x + i), V.Load(y + i), V.Load(z + i)), w + i);
        int rest = length - (int)i;
        if (rest > 0)
            TFunction.Invoke<V, T>(First<V, T>(x + i, rest), First<V, T>(y + i, rest), First<V, T>(z + i, rest)).StoreFirst(w + i, rest);
    }

    private static void Test<TPredicate, V, T>(T* x, T* y, byte* z, int length)
        where TPredicate : struct, IBinaryFunction
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        int i = 0;
        for (; i <= length - V.Count; i += V.Count)
            StoreFlags<V, T>(TPredicate.Invoke<V, T>(V.Load(x + i), V.Load(y + i)), z + i);
        if (i < length)
            StoreBits(V.MaskBits(TPredicate.Invoke<V, T>(First<V, T>(x + i, length - i), First<V, T>(y + i, length - i))), z + i, length - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFlags<V, T>(V mask, byte* z)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        if (Avx512F.IsSupported && typeof(V) == typeof(Lanes512<T>) && sizeof(T) == sizeof(int))
            Vector128.Store(Avx512F.ConvertToVector128Byte(Unsafe.BitCast<V, Vector512<int>>(mask) & Vector512<int>.One), z);
        else
            StoreBits(V.MaskBits(mask), z, V.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBits(ulong bits, byte* z, int count)
    {
        for (; count >= 8; count -= 8, z += 8, bits >>= 8)
        {
            // The product puts bit i at 8·i; bit 7 is moved apart, it would carry into bit 0's copy.
            Unsafe.WriteUnaligned(z, (((bits & 0x7F) * 0x0002_0408_1020_4081) & 0x0101_0101_0101_0101) | ((bits & 0x80) << 49));
        }

        for (int i = 0; i < count; i++)
            z[i] = (byte)((bits >> i) & 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V First<V, T>(T* x, int count)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => V.LoadFirst(x, count, V.Constant(1));
}
