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
internal sealed unsafe class PooledContent(PooledBuffer buffer, int length, Quota? account) : MemoryManager<byte>
{
    private PooledBuffer? _buffer = buffer;

    /// <summary>The pooled memory that holds bytes, and where they start in it; null when they have memory of their own.</summary>
    public static PooledContent? Of(ReadOnlyMemory<byte> bytes, out int start) =>
        MemoryMarshal.TryGetMemoryManager<byte, PooledContent>(bytes, out var content, out start, out _) ? content : null;

    /// <summary>A further reference to the buffer under a message's bytes, for a tensor to have; null when it is not one of this account.</summary>
    public static PooledBuffer? Share(ByteString bytes, Quota? of) =>
        Of(bytes.Memory, out var start) is { } content && start == 0 && content.Account == of ? content.Buffer.Retain() : null;

    public override Span<byte> GetSpan() => new(Buffer.Pointer, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(Buffer.Pointer + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => Interlocked.Exchange(ref _buffer, null)?.Release();

    private Quota? Account => account;

    private PooledBuffer Buffer => _buffer ?? throw new ObjectDisposedException(nameof(PooledContent));
}
