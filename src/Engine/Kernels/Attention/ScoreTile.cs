using System.Numerics;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>
/// A tile of scores, transposed: row j is a key, column i a query, so that what is said of a query (maximum, sum) is a row of
/// lanes and no register is reduced.
/// </summary>
internal static unsafe class ScoreTile<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>s[j, i] = scale · s[j, i] + mask, −∞ where the query does not see the key. The mask is given at query 0, key 0 of the head.</summary>
    public static void Mask(AttentionShape shape, void* mask, HeadLayout layout, int firstQuery, int queries, int firstKey, int keys, T* scores, int stride)
    {
        var scale = T.CreateTruncating(shape.Scale);
        for (var j = 0; j < keys; j++, scores += stride)
        {
            var row = new Span<T>(scores, stride);
            System.Numerics.Tensors.TensorPrimitives.Multiply(row, scale, row);
            long at = (firstQuery * layout.Row) + ((firstKey + j) * layout.Column);
            if (shape.Mask == MaskKind.Additive)
            {
                for (var i = 0; i < queries; i++, at += layout.Row)
                    scores[i] += ((T*)mask)[at];
            }
            else if (shape.Mask == MaskKind.Boolean)
            {
                for (var i = 0; i < queries; i++, at += layout.Row)
                    scores[i] = ((byte*)mask)[at] != 0 ? scores[i] : T.NegativeInfinity;
            }

            if (shape.IsCausal && firstKey + j > firstQuery)
                new Span<T>(scores, Math.Min(queries, firstKey + j - firstQuery)).Fill(T.NegativeInfinity);
        }
    }

    /// <summary>e^(score − shift), where a shift of −∞ (a query that sees nothing) counts as 0.</summary>
    public static void Exponentials(T* scores, int stride, int keys, T* shift)
    {
        for (var i = 0; i < stride; i++)
            shift[i] = T.IsNegativeInfinity(shift[i]) ? T.Zero : shift[i];
        for (var j = 0; j < keys; j++, scores += stride)
            Elementwise.Sub<T>(new(scores, stride), new(shift, stride), new(scores, stride));
        var total = (long)keys * stride;
        scores -= total;
        Elementwise.Exp<T>(new(scores, checked((int)total)), new(scores, (int)total));
    }
}
