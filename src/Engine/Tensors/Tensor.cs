using System.Runtime.InteropServices;

namespace Gradients.Engine.Tensors;

/// <summary>
/// A dense row-major value in pooled memory. Immutable once handed over. Each instance holds one reference to its buffer
/// and must be disposed exactly once; <see cref="Share"/> makes a further holder of the same elements.
/// </summary>
public sealed unsafe class Tensor : IDisposable
{
    private PooledBuffer? _buffer;

    /// <summary>Takes over one reference to <paramref name="buffer"/>.</summary>
    public Tensor(DataType dataType, Shape shape, PooledBuffer buffer)
    {
        DataType = dataType;
        Shape = shape;
        _buffer = buffer;
        if (ByteCount > buffer.Capacity)
            throw new ArgumentException($"A {dataType.Name()} tensor of shape {shape} needs {ByteCount} bytes; the buffer has {buffer.Capacity}.", nameof(buffer));
    }

    public DataType DataType { get; }

    public Shape Shape { get; }

    public long ByteCount => Shape.ElementCount * DataType.Size();

    public PooledBuffer Buffer => _buffer ?? throw new ObjectDisposedException(nameof(Tensor));

    /// <summary>Rents memory for a tensor whose content is still undefined.</summary>
    public static Tensor Rent(BufferPool pool, DataType dataType, Shape shape, string owner, Quota? account = null) =>
        new(dataType, shape, pool.Rent(shape.ElementCount * dataType.Size(), owner, account));

    /// <summary>Copies row-major elements into pooled memory.</summary>
    public static Tensor From<T>(BufferPool pool, Shape shape, ReadOnlySpan<T> elements, string owner = "tensor", Quota? account = null) where T : unmanaged =>
        FromBytes(pool, DataTypes.Of<T>(), shape, MemoryMarshal.AsBytes(elements), owner, account);

    /// <summary>Copies little-endian row-major bytes into pooled memory.</summary>
    /// <exception cref="GradientsException">CONTENT_SIZE_MISMATCH unless the length is elements × size.</exception>
    public static Tensor FromBytes(BufferPool pool, DataType dataType, Shape shape, ReadOnlySpan<byte> raw, string owner = "tensor", Quota? account = null)
    {
        var expected = shape.ElementCount * dataType.Size();
        if (raw.Length != expected)
            throw GradientsException.Invalid(ErrorReasons.ContentSizeMismatch, $"A {dataType.Name()} tensor of shape {shape} has {expected} bytes; {raw.Length} were given.");
        var tensor = Rent(pool, dataType, shape, owner, account);
        raw.CopyTo(new Span<byte>(tensor.Buffer.Pointer, raw.Length));
        return tensor;
    }

    /// <summary>The elements; valid while this tensor is not disposed.</summary>
    public ReadOnlySpan<T> AsSpan<T>() where T : unmanaged
    {
        if (DataTypes.Of<T>() != DataType)
            throw new InvalidOperationException($"The tensor holds {DataType.Name()}.");
        return Buffer.AsSpan<T>(Shape.ElementCount);
    }

    public ReadOnlySpan<byte> AsBytes() => Buffer.AsSpan<byte>(ByteCount);

    /// <summary>A further holder of the same elements; nothing is copied.</summary>
    public Tensor Share() => new(DataType, Shape, Buffer.Retain());

    public void Dispose() => Interlocked.Exchange(ref _buffer, null)?.Release();
}
