namespace Gradients.Engine.Tensors;

/// <summary>
/// The sizes of a tensor's dimensions, outermost first. Immutable. Rank 0 is a scalar; zero-size dimensions are legal.
/// </summary>
public sealed class Shape : IEquatable<Shape>
{
    public const int MaxRank = 8;

    /// <summary>No tensor has more elements than this, so that byte counts fit a signed 64-bit integer.</summary>
    public const long MaxElements = 1L << 48;

    public static readonly Shape Scalar = new();

    private readonly long[] _dimensions;

    public Shape(params ReadOnlySpan<long> dimensions)
    {
        if (dimensions.Length > MaxRank)
            throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"A shape has {dimensions.Length} dimensions; at most {MaxRank} are allowed.");
        Int128 count = 1;
        var empty = false;
        foreach (var d in dimensions)
        {
            if (d < 0)
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"Dimension {d} is negative in shape {Format(dimensions)}.");
            empty |= d == 0;
            if (d > 0)
                count *= d;
            if (count > MaxElements)
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"Shape {Format(dimensions)} has more than 2^48 elements.");
        }

        _dimensions = dimensions.ToArray();
        ElementCount = empty ? 0 : (long)count;
    }

    public ReadOnlySpan<long> Dimensions => _dimensions;

    public int Rank => _dimensions.Length;

    public long ElementCount { get; }

    /// <summary>The size of one dimension; a negative index counts from the last.</summary>
    public long this[int dimension] => _dimensions[dimension < 0 ? dimension + _dimensions.Length : dimension];

    /// <summary>Maps an axis in [−rank, rank) to [0, rank).</summary>
    /// <exception cref="GradientsException">INVALID_ATTRIBUTE when it is outside.</exception>
    public int Axis(long axis)
    {
        if (axis < -Rank || axis >= Rank)
            throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"Axis {axis} is outside [-{Rank}, {Rank}) for shape {this}.");
        return (int)(axis < 0 ? axis + Rank : axis);
    }

    /// <summary>The NumPy broadcast of two shapes, or null when they are incompatible.</summary>
    public static Shape? TryBroadcast(Shape a, Shape b)
    {
        if (a.Equals(b))
            return a;
        var rank = Math.Max(a.Rank, b.Rank);
        Span<long> result = stackalloc long[rank];
        for (var i = 0; i < rank; i++)
        {
            var x = i < rank - a.Rank ? 1 : a._dimensions[i - (rank - a.Rank)];
            var y = i < rank - b.Rank ? 1 : b._dimensions[i - (rank - b.Rank)];
            if (x != y && x != 1 && y != 1)
                return null;
            result[i] = x == 1 ? y : x;
        }

        return result.SequenceEqual(b._dimensions) ? b : result.SequenceEqual(a._dimensions) ? a : new Shape(result);
    }

    public bool Equals(Shape? other) =>
        ReferenceEquals(this, other) || (other is not null && _dimensions.AsSpan().SequenceEqual(other._dimensions));

    public override bool Equals(object? obj) => Equals(obj as Shape);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var d in _dimensions)
            hash.Add(d);
        return hash.ToHashCode();
    }

    public override string ToString() => Format(_dimensions);

    /// <summary>As people write it: [2, 3]; a scalar is [].</summary>
    public static string Format(ReadOnlySpan<long> dimensions) => $"[{string.Join(", ", dimensions.ToArray())}]";
}
