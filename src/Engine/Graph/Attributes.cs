using System.Collections.Immutable;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// The named constants of a node, sorted by name. A value is one of long, double, bool, string, ImmutableArray of long,
/// double or <see cref="TensorType"/>, <see cref="DataType"/>, <see cref="TensorType"/> or <see cref="ConstantData"/>.
/// </summary>
public sealed class Attributes : IEquatable<Attributes>
{
    public static readonly Attributes None = new([]);

    private readonly (string Name, object Value)[] _entries;

    private Attributes((string Name, object Value)[] entries) => _entries = entries;

    public IReadOnlyList<(string Name, object Value)> Entries => _entries;

    /// <summary>Collects entries; arrays are copied.</summary>
    /// <exception cref="GradientsException">INVALID_ATTRIBUTE for a name given twice or a value of another type.</exception>
    public static Attributes Of(params ReadOnlySpan<(string Name, object Value)> entries)
    {
        if (entries.Length == 0)
            return None;
        var sorted = new (string Name, object Value)[entries.Length];
        for (var i = 0; i < entries.Length; i++)
            sorted[i] = (entries[i].Name, Normalize(entries[i].Name, entries[i].Value));
        Array.Sort(sorted, (a, b) => string.CompareOrdinal(a.Name, b.Name));
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].Name == sorted[i - 1].Name)
                throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"Attribute '{sorted[i].Name}' is given twice.");
        }

        return new Attributes(sorted);
    }

    public object? Find(string name)
    {
        foreach (var (key, value) in _entries)
        {
            if (key == name)
                return value;
        }

        return null;
    }

    public long Int(string name, long orElse) => Find(name) is long v ? v : orElse;

    public double Float(string name, double orElse) => Find(name) is double v ? v : orElse;

    public bool Flag(string name, bool orElse) => Find(name) is bool v ? v : orElse;

    public string Text(string name, string orElse) => Find(name) is string v ? v : orElse;

    public DataType DataType(string name) => (DataType)Find(name)!;

    /// <summary>The list of integers, or null when the attribute is absent.</summary>
    public long[]? Ints(string name) => Find(name) is ImmutableArray<long> v ? [.. v] : null;

    /// <summary>The list of types, or null when the attribute is absent.</summary>
    public ImmutableArray<TensorType>? Types(string name) => Find(name) as ImmutableArray<TensorType>?;

    public bool Equals(Attributes? other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is null || other._entries.Length != _entries.Length)
            return false;
        for (var i = 0; i < _entries.Length; i++)
        {
            if (_entries[i].Name != other._entries[i].Name || !ValueEquals(_entries[i].Value, other._entries[i].Value))
                return false;
        }

        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as Attributes);

    public override int GetHashCode()
    {
        if (_entries.Length == 0)
            return 0;
        var hash = new HashCode();
        foreach (var (name, value) in _entries)
        {
            hash.Add(name);
            AddValue(ref hash, value);
        }

        return hash.ToHashCode();
    }

    /// <summary>Lists by their elements: nodes that differ in nothing else are told apart.</summary>
    private static void AddValue(ref HashCode hash, object value)
    {
        switch (value)
        {
            case ImmutableArray<long> integers:
                foreach (var item in integers)
                    hash.Add(item);
                break;
            case ImmutableArray<double> numbers:
                foreach (var item in numbers)
                    hash.Add(item);
                break;
            default:
                hash.Add(value);
                break;
        }
    }

    private static bool ValueEquals(object a, object b) => (a, b) switch
    {
        (ImmutableArray<long> x, ImmutableArray<long> y) => x.AsSpan().SequenceEqual(y.AsSpan()),
        (ImmutableArray<double> x, ImmutableArray<double> y) => x.AsSpan().SequenceEqual(y.AsSpan()),
        _ => a.Equals(b),
    };

    private static object Normalize(string name, object value) => value switch
    {
        int v => (long)v,
        float v => (double)v,
        long[] v => ImmutableArray.Create(v),
        double[] v => ImmutableArray.Create(v),
        TensorType[] v => ImmutableArray.Create(v),
        long or double or bool or string or Tensors.DataType or TensorType or ConstantData or ImmutableArray<long> or ImmutableArray<double> or ImmutableArray<TensorType> => value,
        _ => throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"Attribute '{name}' has a value of type {value.GetType().Name}."),
    };
}
