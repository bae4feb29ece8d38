using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Selection, booleans (one byte, 0 or 1) and conversions over one tile; all spans have the same length.</summary>
public static unsafe class Selection
{
    /// <summary>
    /// z = x where the condition is not 0, else y. The element not taken is never computed with.
    /// The output may be exactly the same buffer as an input of its type.
    /// </summary>
    public static void Where<T>(ReadOnlySpan<byte> condition, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z)
        where T : unmanaged
    {
        WholeVectors.RequireLength(condition.Length, x.Length);
        WholeVectors.RequireLength(condition.Length, y.Length);
        WholeVectors.RequireLength(condition.Length, z.Length);
        fixed (byte* c = condition)
        fixed (T* px = x, py = y, pz = z)
        {
            int i = sizeof(T) switch
            {
                1 => WhereBytes(c, (byte*)px, (byte*)py, (byte*)pz, z.Length),
                4 => WhereWords(c, (uint*)px, (uint*)py, (uint*)pz, z.Length),
                _ => WhereLongs(c, (ulong*)px, (ulong*)py, (ulong*)pz, z.Length),
            };
            for (; i < z.Length; i++)
                pz[i] = c[i] != 0 ? px[i] : py[i];
        }
    }

    /// <summary>z = 1 where two booleans are equal, else 0.</summary>
    public static void EqualBool(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, Span<byte> z)
    {
        WholeVectors.RequireLength(x.Length, y.Length);
        WholeVectors.RequireLength(x.Length, z.Length);
        int i = 0;
        for (; i <= z.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
            (Vector128.Equals(Vector128.Create(x[i..]), Vector128.Create(y[i..])) & Vector128<byte>.One).CopyTo(z[i..]);
        for (; i < z.Length; i++)
            z[i] = x[i] == y[i] ? (byte)1 : (byte)0;
    }

    /// <summary>
    /// Converts between float32, float64, int64 and (as a source) bool. To integers: toward zero, saturating, NaN
    /// becomes 0. To floating point: to nearest, ties to even.
    /// </summary>
    public static void Cast<TFrom, TTo>(ReadOnlySpan<TFrom> x, Span<TTo> y)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : unmanaged, INumber<TTo>
    {
        WholeVectors.RequireLength(x.Length, y.Length);
        TensorPrimitives.ConvertSaturating(x, y);
    }

    /// <summary>y = 1 where x is not zero (NaN is not), else 0.</summary>
    public static void ToBool<T>(ReadOnlySpan<T> x, Span<byte> y)
        where T : unmanaged, INumber<T> => WholeVectors.Test<NonzeroPredicate, T>(x, x, y);

    /// <summary>Selects in whole registers and returns how many elements it did.</summary>
    private static int WhereBytes(byte* c, byte* x, byte* y, byte* z, int length)
    {
        int i = 0;
        for (; Vector128.IsHardwareAccelerated && i <= length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            var isFalse = Vector128.Equals(Vector128.Load(c + i), Vector128<byte>.Zero);
            Vector128.ConditionalSelect(isFalse, Vector128.Load(y + i), Vector128.Load(x + i)).Store(z + i);
        }

        return i;
    }

    private static int WhereWords(byte* c, uint* x, uint* y, uint* z, int length)
    {
        int i = 0;
        for (; Vector512.IsHardwareAccelerated && i <= length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var half = Vector256.WidenLower(Vector128.Load(c + i).ToVector256Unsafe());
            var isFalse = Vector512.Equals(Vector512.WidenLower(half.ToVector512Unsafe()), Vector512<uint>.Zero);
            Vector512.ConditionalSelect(isFalse, Vector512.Load(y + i), Vector512.Load(x + i)).Store(z + i);
        }

        for (; Vector256.IsHardwareAccelerated && i <= length - Vector256<uint>.Count; i += Vector256<uint>.Count)
        {
            var isFalse = Vector256.Equals(WidenEight(c + i), Vector256<uint>.Zero);
            Vector256.ConditionalSelect(isFalse, Vector256.Load(y + i), Vector256.Load(x + i)).Store(z + i);
        }

        return i;
    }

    private static int WhereLongs(byte* c, ulong* x, ulong* y, ulong* z, int length)
    {
        int i = 0;
        for (; Vector512.IsHardwareAccelerated && i <= length - Vector512<ulong>.Count; i += Vector512<ulong>.Count)
        {
            var isFalse = Vector512.Equals(Vector512.WidenLower(WidenEight(c + i).ToVector512Unsafe()), Vector512<ulong>.Zero);
            Vector512.ConditionalSelect(isFalse, Vector512.Load(y + i), Vector512.Load(x + i)).Store(z + i);
        }

        for (; Vector256.IsHardwareAccelerated && i <= length - (2 * Vector256<ulong>.Count); i += 2 * Vector256<ulong>.Count)
        {
            var (low, high) = Vector256.Widen(WidenEight(c + i));
            int next = i + Vector256<ulong>.Count;
            var first = Vector256.ConditionalSelect(Vector256.Equals(low, Vector256<ulong>.Zero), Vector256.Load(y + i), Vector256.Load(x + i));
            var second = Vector256.ConditionalSelect(Vector256.Equals(high, Vector256<ulong>.Zero), Vector256.Load(y + next), Vector256.Load(x + next));
            first.Store(z + i);
            second.Store(z + next);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> WidenEight(byte* c) =>
        Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(c).ToVector128Unsafe()).ToVector256Unsafe());
}
