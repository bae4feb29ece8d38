namespace Gradients.Engine.Tensors;

/// <summary>
/// Where a value's elements lie relative to a base: element (i₀, i₁, …) is at <c>Offset + Σ iₖ·Strides[k]</c>, in elements.
/// Strides may be zero (broadcast) or negative (reversed slice).
/// </summary>
public sealed class Layout
{
    public Layout(Shape shape, ReadOnlySpan<long> strides, long offset = 0)
    {
        Shape = shape;
        Strides = strides.ToArray();
        Offset = offset;
        IsContiguous = Contiguous(shape, Strides);
    }

    public Shape Shape { get; }

    public long[] Strides { get; }

    public long Offset { get; }

    /// <summary>Row-major without gaps, whatever the offset.</summary>
    public bool IsContiguous { get; }

    /// <summary>Row-major, unpadded, offset 0.</summary>
    public static Layout RowMajor(Shape shape, long offset = 0)
    {
        Span<long> strides = stackalloc long[shape.Rank];
        long stride = 1;
        for (var i = shape.Rank - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, shape[i]);
        }

        return new Layout(shape, strides, offset);
    }

    /// <summary>The same elements seen in a larger shape: stride 0 where a dimension is repeated.</summary>
    public Layout BroadcastTo(Shape target)
    {
        if (target.Equals(Shape))
            return this;
        Span<long> strides = stackalloc long[target.Rank];
        strides.Clear();
        var lead = target.Rank - Shape.Rank;
        for (var i = 0; i < Shape.Rank; i++)
            strides[lead + i] = Shape[i] == 1 ? 0 : Strides[i];
        return new Layout(target, strides, Offset);
    }

    private static bool Contiguous(Shape shape, long[] strides)
    {
        long expected = 1;
        for (var i = shape.Rank - 1; i >= 0; i--)
        {
            if (shape[i] != 1 && strides[i] != expected && shape.ElementCount != 0)
                return false;
            expected *= Math.Max(1, shape[i]);
        }

        return true;
    }
}
