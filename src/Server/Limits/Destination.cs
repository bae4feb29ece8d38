using Gradients.Engine.Tensors;
using Gradients.Server.Wire;

namespace Gradients.Server.Limits;

/// <summary>The tensor that the chunks which come next fill, from its first byte to its last.</summary>
internal sealed class Destination(Tensor tensor) : IDisposable
{
    private readonly PooledContent _content = new(tensor.Buffer.Retain(), checked((int)tensor.ByteCount), null);

    /// <summary>The chunk that was read last, used again for the next.</summary>
    public V1.UploadTensorRequest Message { get; } = new() { Chunk = new V1.TensorChunk() };

    /// <summary>Bytes that have come.</summary>
    public int Filled { get; set; }

    /// <summary>The place of the next bytes; empty when there are not so many left.</summary>
    public Memory<byte> Next(int bytes) => bytes <= tensor.ByteCount - Filled ? _content.Memory.Slice(Filled, bytes) : default;

    /// <summary>True = these bytes are in that place already.</summary>
    public bool Holds(ReadOnlyMemory<byte> bytes) => PooledContent.Of(bytes, out var start) == _content && start == Filled;

    public void Dispose() => ((IDisposable)_content).Dispose();
}
