using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>
/// A tile of scores, transposed: row j is a key, column i a query, so that what is said of a query (maximum, sum) is a row of
/// lanes and no register is reduced. Query i sees the keys up to <c>visible</c> + i; of the others nothing is read, and 0 is written.
/// </summary>
internal static unsafe class ScoreTile<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// s[j, i] = scale · s[j, i] + mask, −∞ where the mask hides the key. The mask is given at query 0, key 0 of the head. Without one
    /// nothing is done. Returns what the scores have yet to be multiplied by.
    /// </summary>
    public static T Mask(AttentionShape shape, void* mask, HeadLayout layout, int firstQuery, int queries, int firstKey, int keys, T* scores, int stride)
    {
        var scale = T.CreateTruncating(shape.Scale);
        if (shape.Mask == MaskKind.None)
            return scale;
        for (var j = 0; j < keys; j++, scores += stride)
        {
            long at = (firstQuery * layout.Row) + ((firstKey + j) * layout.Column);
            if (shape.Mask == MaskKind.Additive)
            {
                for (var i = 0; i < queries; i++, at += layout.Row)
                    scores[i] = (scores[i] * scale) + ((T*)mask)[at];
            }
            else
            {
                for (var i = 0; i < queries; i++, at += layout.Row)
                    scores[i] = ((byte*)mask)[at] != 0 ? scores[i] * scale : T.NegativeInfinity;
            }
        }

        return T.One;
    }

    /// <summary>
    /// Turns scores into e^(scale · score − maximum), adds them to the sums and brings these to the new maximum; the factor is what it
    /// takes to do so.
    /// </summary>
    public static void Accumulate(T* scores, int stride, int columns, int keys, int visible, T scale, T* maximum, T* sum, T* factor)
    {
        if (Vector512.IsHardwareAccelerated)
            Accumulate<Lanes512<T>>(scores, stride, columns, keys, visible, scale, maximum, sum, factor);
        else if (Vector256.IsHardwareAccelerated)
            Accumulate<Lanes256<T>>(scores, stride, columns, keys, visible, scale, maximum, sum, factor);
        else if (Vector128.IsHardwareAccelerated)
            Accumulate<Lanes128<T>>(scores, stride, columns, keys, visible, scale, maximum, sum, factor);
        else
            Accumulate<ScalarLanes<T>>(scores, stride, columns, keys, visible, scale, maximum, sum, factor);
    }

    /// <summary>From scores in p and g vᵀ in ds: p = e^(scoreScale · p − shift), ds = scale · p · (ds − δ).</summary>
    public static void Gradients(T* p, T* ds, int stride, int columns, int keys, int visible, T scoreScale, T scale, T* shift, T* delta)
    {
        if (Vector512.IsHardwareAccelerated)
            Gradients<Lanes512<T>>(p, ds, stride, columns, keys, visible, scoreScale, scale, shift, delta);
        else if (Vector256.IsHardwareAccelerated)
            Gradients<Lanes256<T>>(p, ds, stride, columns, keys, visible, scoreScale, scale, shift, delta);
        else if (Vector128.IsHardwareAccelerated)
            Gradients<Lanes128<T>>(p, ds, stride, columns, keys, visible, scoreScale, scale, shift, delta);
        else
            Gradients<ScalarLanes<T>>(p, ds, stride, columns, keys, visible, scoreScale, scale, shift, delta);
    }

    /// <summary>sums[i] += Σ over rows, in order, of x[row, i] · y[row, i], each product rounded.</summary>
    public static void AddProducts(T* x, T* y, int stride, int columns, int rows, T* sums)
    {
        if (Vector512.IsHardwareAccelerated)
            AddProducts<Lanes512<T>>(x, y, stride, columns, rows, sums);
        else if (Vector256.IsHardwareAccelerated)
            AddProducts<Lanes256<T>>(x, y, stride, columns, rows, sums);
        else if (Vector128.IsHardwareAccelerated)
            AddProducts<Lanes128<T>>(x, y, stride, columns, rows, sums);
        else
            AddProducts<ScalarLanes<T>>(x, y, stride, columns, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Accumulate<V>(T* scores, nint stride, int columns, int keys, int visible, T scale, T* maximum, T* sum, T* factor)
        where V : struct, ILanes<V, T>
    {
        var exponential = new Exponential<V, T>();
        V by = V.Broadcast(scale), zero = V.Constant(0), nothing = V.Constant(double.NegativeInfinity), lanes = Indices<V>();
        for (int i = 0; i < columns; i += V.Count)
        {
            var (whole, some) = Seen<V>(keys, visible + i);
            T* s = scores + i, wholeEnd = s + (whole * stride), someEnd = s + (some * stride), end = s + (keys * stride);
            V old = V.Load(maximum + i), most = old;
            for (; s != wholeEnd; s += stride)
            {
                V x = V.Load(s) * by;
                x.Store(s);
                // A maximum that is no longer NaN does not matter: the sum is.
                most = V.AtLeast(x, most);
            }

            for (int hidden = whole - visible - i; s != someEnd; s += stride, hidden++)
            {
                V x = V.Select(V.Less(lanes, V.Constant(hidden)), nothing, V.Load(s) * by);
                x.Store(s);
                most = V.AtLeast(x, most);
            }

            // e^(old − new): 0 while nothing was seen.
            V shift = V.Select(V.Equal(most, nothing), zero, most), change = exponential.OfNonPositive(old - shift), total = V.Load(sum + i) * change;
            for (s = scores + i; s != someEnd; s += stride)
            {
                V e = exponential.OfNonPositive(V.Load(s) - shift);
                e.Store(s);
                total += e;
            }

            for (; s != end; s += stride)
                zero.Store(s);
            most.Store(maximum + i);
            change.Store(factor + i);
            total.Store(sum + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gradients<V>(T* p, T* ds, nint stride, int columns, int keys, int visible, T scoreScale, T scale, T* shift, T* delta)
        where V : struct, ILanes<V, T>
    {
        var exponential = new Exponential<V, T>();
        V scoreBy = V.Broadcast(scoreScale), by = V.Broadcast(scale), zero = V.Constant(0), lanes = Indices<V>();
        nint toDs = (nint)((byte*)ds - (byte*)p);
        for (int i = 0; i < columns; i += V.Count)
        {
            var (whole, some) = Seen<V>(keys, visible + i);
            T* s = p + i, someEnd = s + (some * stride), end = s + (keys * stride);
            V less = V.Load(shift + i), mean = V.Load(delta + i);
            for (; s != someEnd; s += stride)
            {
                V e = exponential.OfNonPositive((V.Load(s) * scoreBy) - less);
                T* d = (T*)((byte*)s + toDs);
                e.Store(s);
                ((V.Load(d) - mean) * e * by).Store(d);
            }

            for (; s != end; s += stride)
            {
                zero.Store(s);
                zero.Store((T*)((byte*)s + toDs));
            }

            s = p + i + (whole * stride);
            for (int hidden = whole - visible - i; s != someEnd; s += stride, hidden++)
            {
                T* d = (T*)((byte*)s + toDs);
                V isHidden = V.Less(lanes, V.Constant(hidden));
                V.Select(isHidden, zero, V.Load(s)).Store(s);
                V.Select(isHidden, zero, V.Load(d)).Store(d);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddProducts<V>(T* x, T* y, nint stride, int columns, int rows, T* sums)
        where V : struct, ILanes<V, T>
    {
        for (int i = 0; i < columns; i += 2 * V.Count)
        {
            V left = V.Load(sums + i), right = V.Load(sums + i + V.Count);
            T* a = x + i, b = y + i;
            for (var row = 0; row < rows; row++, a += stride, b += stride)
            {
                left += V.Load(a) * V.Load(b);
                right += V.Load(a + V.Count) * V.Load(b + V.Count);
            }

            left.Store(sums + i);
            right.Store(sums + i + V.Count);
        }
    }

    /// <summary>The keys that all queries of a register see, and those that some see, where the first of them sees the keys up to one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int Whole, int Some) Seen<V>(int keys, int last)
        where V : struct, ILanes<V, T> => (Math.Min(keys, last + 1), Math.Min(keys, last + V.Count));

    private static V Indices<V>()
        where V : struct, ILanes<V, T>
    {
        T* indices = stackalloc T[V.Count];
        for (var i = 0; i < V.Count; i++)
            indices[i] = T.CreateTruncating(i);
        return V.Load(indices);
    }
}
