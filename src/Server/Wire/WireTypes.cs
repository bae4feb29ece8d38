using Gradients.Engine;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;

namespace Gradients.Server.Wire;

/// <summary>Element types, shapes and declared types of the contract, checked.</summary>
internal static class WireTypes
{
    private const char AnyLengthMark = '?';

    /// <exception cref="GradientsException">INVALID_FIELD when unset or unknown; DATA_TYPE_UNSUPPORTED.</exception>
    public static DataType Read(V1.DataType type, FieldPath field) => type switch
    {
        V1.DataType.Float32 => DataType.Float32,
        V1.DataType.Float64 => DataType.Float64,
        V1.DataType.Int64 => DataType.Int64,
        V1.DataType.Bool => DataType.Bool,
        V1.DataType.Float16 or V1.DataType.Bfloat16 =>
            throw GradientsException.Unimplemented(ErrorReasons.DataTypeUnsupported, $"{field}: the element type {type} is not supported.").With("field", field.ToString()),
        _ => throw Refusals.Field(field.ToString(), $"{(int)type} is not an element type."),
    };

    public static V1.DataType Write(DataType type) => (V1.DataType)type;

    public static V1.TensorType Write(NodeType type)
    {
        var wire = new V1.TensorType { DataType = Write(type.DataType) };
        foreach (var d in type.Shape.Dimensions)
            wire.Dimensions.Add(new V1.Dimension { Size = d });
        return wire;
    }

    /// <param name="node">As <see cref="ReadType"/> was given it.</param>
    public static V1.TensorType WriteType(TensorType type, ulong node) => new()
    {
        DataType = Write(type.DataType),
        Dimensions =
        {
            type.Dimensions.Select((d, i) => d.Symbol is not { } symbol ? new V1.Dimension { Size = d.Size }
                : symbol == AnyLength(node, i) ? new V1.Dimension()
                : new V1.Dimension { Symbol = symbol }),
        },
    };

    /// <summary>What is known of a value's type: lengths that only feeds tell, or that may be any, are unset.</summary>
    public static V1.TensorType WriteKnown(TensorType type) => new()
    {
        DataType = Write(type.DataType),
        Dimensions =
        {
            type.Dimensions.Select(d => d.Symbol is not { } symbol ? new V1.Dimension { Size = d.Size }
                : symbol.Length == 0 || symbol[0] == AnyLengthMark ? new V1.Dimension()
                : new V1.Dimension { Symbol = symbol }),
        },
    };

    /// <exception cref="GradientsException">SHAPE_MISMATCH for a rank above 8, a negative dimension or too many elements.</exception>
    public static Shape ReadShape(IList<long> dimensions, FieldPath field)
    {
        try
        {
            Span<long> sizes = stackalloc long[Math.Min(dimensions.Count, Shape.MaxRank + 1)];
            for (var i = 0; i < sizes.Length; i++)
                sizes[i] = dimensions[i];
            return new Shape(sizes);
        }
        catch (GradientsException e)
        {
            throw e.With("field", field.ToString());
        }
    }

    /// <summary>A declared type; a dimension of any length gets a symbol of its own, unique by <paramref name="node"/> and place in a list.</summary>
    public static TensorType ReadType(V1.TensorType? type, ulong node, string field, int? place = null)
    {
        if (type is null)
            throw Refusals.Field(field, "a type is required.");
        var dataType = Read(type.DataType, $"{field}.data_type");
        if (type.Dimensions.Count > Shape.MaxRank)
            throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"{field}: {type.Dimensions.Count} dimensions; at most {Shape.MaxRank} are allowed.").With("field", field);
        var dimensions = new Dimension[type.Dimensions.Count];
        for (var i = 0; i < dimensions.Length; i++)
        {
            dimensions[i] = type.Dimensions[i] switch
            {
                { LengthCase: V1.Dimension.LengthOneofCase.Size, Size: var size and >= 0 and <= Shape.MaxElements } => new Dimension(size),
                { LengthCase: V1.Dimension.LengthOneofCase.Symbol, Symbol: { Length: > 0 and <= 256 } symbol } => new Dimension(-1, symbol),
                { LengthCase: V1.Dimension.LengthOneofCase.None } => new Dimension(-1, place is null ? AnyLength(node, i) : $"{AnyLengthMark}{node}.{place}.{i}"),
                _ => throw Refusals.Field($"{field}.dimensions", $"dimension {i} is neither a length of at least 0 nor a name of 1 to 256 characters."),
            };
        }

        return new TensorType(dataType, dimensions);
    }

    private static string AnyLength(ulong node, int dimension) => $"{AnyLengthMark}{node}.{dimension}";
}
