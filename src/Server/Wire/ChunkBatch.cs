using Gradients.Server.Limits;
using Grpc.Core;

namespace Gradients.Server.Wire;

/// <summary>
/// Chunks of a tensor that go to the connection together: each wait for it costs managed memory. What a client that does not
/// read leaves in the connection's buffers is counted to its reply: a batch, or one chunk where the budget has no room for more.
/// </summary>
/// <param name="maxBytes">Of the chunks of a batch; a larger chunk is one of its own.</param>
internal struct ChunkBatch(int maxBytes)
{
    private const int MaxBytes = 1 << 20;

    private int _unsent;

    /// <summary>What is written so waits in the connection's buffers for what is written next.</summary>
    public static WriteOptions Buffered { get; } = new(WriteFlags.BufferHint);

    /// <param name="chunk">Bytes of a chunk.</param>
    /// <param name="tensor">Bytes of the tensor.</param>
    /// <exception cref="Engine.GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public static ChunkBatch Reserve(WireCharge reply, int chunk, long tensor)
    {
        if (chunk < Math.Min(MaxBytes, tensor) && reply.TryReserve(Math.Min(MaxBytes, tensor)))
            return new ChunkBatch(MaxBytes);
        reply.Reserve(Math.Min(chunk, tensor));
        return new ChunkBatch(chunk);
    }

    /// <summary>How a chunk is written.</summary>
    /// <param name="bytes">Of the chunk.</param>
    /// <param name="left">Of the tensor after it.</param>
    public WriteOptions Add(int bytes, int left)
    {
        _unsent += bytes;
        if (left > 0 && _unsent + Math.Min(bytes, left) <= maxBytes)
            return Buffered;
        _unsent = 0;
        return WriteOptions.Default;
    }
}
