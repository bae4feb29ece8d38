namespace Gradients.Engine.Tensors;

/// <summary>Element types that the engine computes with. Values equal those of <c>gradients.v1.DataType</c>.</summary>
public enum DataType : byte
{
    Float32 = 1,
    Float64 = 2,
    Int64 = 3,
    /// <summary>One byte an element: 0 or 1.</summary>
    Bool = 4,
}

public static class DataTypes
{
    public static readonly DataType[] All = [DataType.Float32, DataType.Float64, DataType.Int64, DataType.Bool];
    public static readonly DataType[] Floating = [DataType.Float32, DataType.Float64];
    public static readonly DataType[] Numeric = [DataType.Float32, DataType.Float64, DataType.Int64];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this DataType type) => type switch
    {
        DataType.Float32 => 4,
        DataType.Float64 or DataType.Int64 => 8,
        DataType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Only floating types carry gradients.</summary>
    public static bool IsFloating(this DataType type) => type is DataType.Float32 or DataType.Float64;

    public static DataType Of<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? DataType.Float32
        : typeof(T) == typeof(double) ? DataType.Float64
        : typeof(T) == typeof(long) ? DataType.Int64
        : typeof(T) == typeof(bool) ? DataType.Bool
        : throw new NotSupportedException($"{typeof(T)} is not an element type; use float, double, long or bool.");

    /// <summary>The lower-case name used in messages: float32, float64, int64, bool.</summary>
    public static string Name(this DataType type) => type switch
    {
        DataType.Float32 => "float32",
        DataType.Float64 => "float64",
        DataType.Int64 => "int64",
        _ => "bool",
    };
}
