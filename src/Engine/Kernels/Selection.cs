using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Selection, booleans (one byte, 0 or 1) and conversions over one tile; all spans have the same length.</summary>
public static class Selection
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
        for (int i = 0; i < z.Length; i++)
            z[i] = condition[i] != 0 ? x[i] : y[i];
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
        where T : unmanaged, INumber<T>
    {
        WholeVectors.RequireLength(x.Length, y.Length);
        for (int i = 0; i < y.Length; i++)
            y[i] = x[i] != T.Zero ? (byte)1 : (byte)0;
    }
}
