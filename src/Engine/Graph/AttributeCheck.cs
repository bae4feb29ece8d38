using System.Collections.Immutable;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>Holds attributes against an op's schema.</summary>
internal static class AttributeCheck
{
    /// <summary>The attributes, an int taken for a float or a data type code where the schema wants one.</summary>
    /// <exception cref="GradientsException">UNKNOWN_ATTRIBUTE, INVALID_ATTRIBUTE.</exception>
    public static Attributes Checked(Op op, Attributes attributes)
    {
        (string, object)[]? changed = null;
        for (var i = 0; i < attributes.Entries.Count; i++)
        {
            var (name, value) = attributes.Entries[i];
            var schema = Array.Find(op.Schema.Attributes, a => a.Name == name)
                ?? throw GradientsException.Invalid(ErrorReasons.UnknownAttribute, $"{op.Name} has no attribute '{name}'; it has {(op.Schema.Attributes.Length == 0 ? "none" : string.Join(", ", op.Schema.Attributes.Select(a => a.Name)))}.");
            var converted = Convert(schema.Type, value)
                ?? throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"{op.Name}: attribute '{name}' must be {Describe(schema.Type)}.");
            if (!ReferenceEquals(converted, value))
                (changed ??= [.. attributes.Entries])[i] = (name, converted);
        }

        foreach (var schema in op.Schema.Attributes)
        {
            if (schema.Required && attributes.Find(schema.Name) is null)
                throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"{op.Name} needs the attribute '{schema.Name}'.");
        }

        return changed is null ? attributes : Attributes.Of(changed);
    }

    private static object? Convert(Type type, object value) => value switch
    {
        long v when type == typeof(double) => (double)v,
        bool v when type == typeof(long) => v ? 1L : 0L,
        // ONNX's codes of element types.
        long v when type == typeof(DataType) => v switch { 1 => DataType.Float32, 11 => DataType.Float64, 7 => DataType.Int64, 9 => DataType.Bool, _ => null },
        ImmutableArray<long> v when type == typeof(double[]) => v.Select(i => (double)i).ToImmutableArray(),
        ImmutableArray<long> when type == typeof(long[]) => value,
        ImmutableArray<double> when type == typeof(double[]) => value,
        ImmutableArray<TensorType> when type == typeof(TensorType[]) => value,
        TensorType v when type == typeof(TensorType[]) => ImmutableArray.Create(v),
        _ when value.GetType() == type => value,
        _ => null,
    };

    private static string Describe(Type type) =>
        type == typeof(long) ? "an integer" : type == typeof(double) ? "a number" : type == typeof(string) ? "a string" : type == typeof(bool) ? "a boolean"
        : type == typeof(long[]) ? "a list of integers" : type == typeof(double[]) ? "a list of numbers" : type == typeof(DataType) ? "a data type"
        : type == typeof(TensorType) ? "a tensor type" : type == typeof(TensorType[]) ? "a list of tensor types" : "a tensor";
}
