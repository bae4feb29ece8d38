using System.Buffers;
using Gradients.Engine.Tensors;

namespace Gradients.Server.Wire;

/// <summary>A tensor's bytes as managed memory, without a copy; valid while the tensor is not disposed.</summary>
internal sealed unsafe class TensorMemory(Tensor tensor) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => tensor.Buffer.AsSpan<byte>(tensor.ByteCount);

    public override MemoryHandle Pin(int elementIndex = 0) => new(tensor.Buffer.Pointer + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
