namespace Gradients.Engine.Tensors;

/// <summary>A declared dimension: a number, or a symbol that takes the same number everywhere in one request.</summary>
public readonly record struct Dimension(long Size, string? Symbol = null)
{
    public static implicit operator Dimension(long size) => new(size);

    public static implicit operator Dimension(string symbol) => new(-1, symbol);

    public override string ToString() => Symbol ?? Size.ToString();
}

/// <summary>The declared type of an input or variable: element type and dimensions, known or symbolic.</summary>
public sealed class TensorType(DataType dataType, params Dimension[] dimensions)
{
    public DataType DataType { get; } = dataType;

    public IReadOnlyList<Dimension> Dimensions { get; } = dimensions;

    /// <summary>The shape when every dimension is a number, else null.</summary>
    public Shape? Shape => Dimensions.All(d => d.Symbol is null) ? new Shape(Dimensions.Select(d => d.Size).ToArray()) : null;

    public static TensorType Of(DataType dataType, Shape shape) =>
        new(dataType, Array.ConvertAll(shape.Dimensions.ToArray(), d => new Dimension(d)));

    public override string ToString() => $"{DataType.Name()}[{string.Join(", ", Dimensions)}]";
}
