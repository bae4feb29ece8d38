using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gradients.Client.Protocol;

/// <summary>The bytes of an array of elements: nothing is copied between the caller's array and the message.</summary>
internal sealed class ElementMemory<T>(T[] array) : MemoryManager<byte> where T : unmanaged
{
    public T[] Array { get; } = array;

    public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(Array.AsSpan());

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("Elements are read through spans only.");

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>The bytes of a dense tensor, row-major.</summary>
internal sealed class DenseTensorMemory<T>(Tensor<T> tensor) : MemoryManager<byte> where T : unmanaged
{
    public override Span<byte> GetSpan() =>
        tensor.IsEmpty ? [] : MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref Unsafe.AsRef(in tensor.GetPinnableReference()), checked((int)tensor.FlattenedLength)));

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("Elements are read through spans only.");

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
