using System.Buffers;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Tensors;

namespace Gradients.Server.Wire;

/// <summary>
/// Bytes of a message in pooled memory. A <see cref="ByteString"/> over them is read like any other; what receives a tensor may
/// take the memory itself. Valid until disposed, which gives this holder's part back.
/// </summary>
/// <param name="buffer">One reference to it becomes this holder's.</param>
/// <param name="account">Whose part of the budget the buffer counts to.</param>
internal sealed unsafe class PooledContent(PooledBuffer buffer, long offset, int length, Quota? account) : MemoryManager<byte>
{
    private PooledBuffer? _buffer = buffer;

    /// <summary>The pooled memory under a message's bytes; null when they have memory of their own.</summary>
    public static PooledContent? Of(ByteString bytes) =>
        MemoryMarshal.TryGetMemoryManager<byte, PooledContent>(bytes.Memory, out var content) ? content : null;

    public ByteString AsBytes() => UnsafeByteOperations.UnsafeWrap(Memory);

    /// <summary>A further reference to the buffer, for a tensor to have; null when it is not a whole one of this account.</summary>
    public PooledBuffer? Share(Quota? of) => offset == 0 && of == account ? Buffer.Retain() : null;

    /// <summary>True = the bytes are where <paramref name="tensor"/> has this part.</summary>
    public bool Is(Tensor tensor, long at) => offset == at && Buffer == tensor.Buffer;

    public override Span<byte> GetSpan() => new(Buffer.Pointer + offset, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(Buffer.Pointer + offset + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => Interlocked.Exchange(ref _buffer, null)?.Release();

    private PooledBuffer Buffer => _buffer ?? throw new ObjectDisposedException(nameof(PooledContent));
}
