namespace Gradients.Client;

/// <summary>A value to differentiate.</summary>
/// <param name="Value">Any floating value.</param>
/// <param name="Cotangent">Of its type and shape; null means 1, for scalars only.</param>
public readonly record struct Root(Node Value, TensorData? Cotangent = null)
{
    public static implicit operator Root(Node value) => new(value);
}
