using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>What an expression gives: a value of the graph, or a literal that becomes a constant or an attribute where it is used.</summary>
/// <param name="At">Where its text begins.</param>
/// <param name="Value">The id; 0 for literals.</param>
/// <param name="Type">The element type, where it is known without shapes.</param>
/// <param name="Literal">
/// <see cref="NumberLiteral"/>, <see cref="TensorType"/>, an array of either, bool, string, <see cref="DataType"/>,
/// <see cref="Graph.ConstantData"/>; null with Value 0 is <c>none</c>.
/// </param>
internal readonly record struct Operand(TextPosition At, ulong Value = 0, DataType? Type = null, object? Literal = null)
{
    public bool IsNone => Value == 0 && Literal is null;
}

/// <summary>A number without a type. Whole numbers stay exact.</summary>
internal readonly record struct NumberLiteral(double Real, Int128? Whole = null)
{
    public static NumberLiteral Of(Int128 whole) => new((double)whole, whole);

    public NumberLiteral Negated => new(-Real, -Whole);

    /// <summary>The number as int64, or null.</summary>
    public long? Int64 => Whole is { } whole && whole >= long.MinValue && whole <= long.MaxValue ? (long)whole : null;
}
