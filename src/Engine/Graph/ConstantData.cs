using System.Runtime.InteropServices;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// A constant's elements, row-major little-endian, in a pinned managed array that lives as long as any graph or plan that
/// refers to it. Immutable.
/// </summary>
public sealed unsafe class ConstantData : IEquatable<ConstantData>
{
    private readonly byte[] _bytes;

    public ConstantData(DataType dataType, Shape shape, ReadOnlySpan<byte> raw)
    {
        DataType = dataType;
        Shape = shape;
        var expected = shape.ElementCount * dataType.Size();
        if (raw.Length != expected)
            throw GradientsException.Invalid(ErrorReasons.ContentSizeMismatch, $"A {dataType.Name()} constant of shape {shape} has {expected} bytes; {raw.Length} were given.");
        ByteCount = raw.Length;

        // Kernels may read whole vectors: 64 spare bytes keep them inside, and the start is aligned by hand.
        _bytes = GC.AllocateArray<byte>(raw.Length + 128, pinned: true);
        var start = (nint)Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, 0);
        Pointer = (byte*)((start + 63) & ~63);
        raw.CopyTo(new Span<byte>(Pointer, raw.Length));
    }

    public DataType DataType { get; }

    public Shape Shape { get; }

    public int ByteCount { get; }

    internal byte* Pointer { get; }

    public ReadOnlySpan<byte> Bytes => new(Pointer, ByteCount);

    public ReadOnlySpan<T> As<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes);

    /// <summary>A scalar of the given type; for bool, nonzero is true.</summary>
    public static ConstantData Scalar(DataType type, double value) => type switch
    {
        DataType.Float32 => Of(Shape.Scalar, [(float)value]),
        DataType.Float64 => Of(Shape.Scalar, [value]),
        DataType.Int64 => Of(Shape.Scalar, [(long)value]),
        _ => new ConstantData(DataType.Bool, Shape.Scalar, [value != 0 ? (byte)1 : (byte)0]),
    };

    public static ConstantData Of<T>(Shape shape, ReadOnlySpan<T> elements) where T : unmanaged =>
        new(DataTypes.Of<T>(), shape, MemoryMarshal.AsBytes(elements));

    /// <summary>Equal type, shape and bits.</summary>
    public bool Equals(ConstantData? other) =>
        other is not null && other.DataType == DataType && other.Shape.Equals(Shape) && other.Bytes.SequenceEqual(Bytes);

    public override bool Equals(object? obj) => Equals(obj as ConstantData);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }
}
