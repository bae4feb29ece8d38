using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Limits;

namespace Gradients.Server.Wire;

/// <summary>A tensor whose bytes arrive in chunks: in order, without gaps, no fewer and no more than it has.</summary>
/// <param name="destination">Where chunks may lie already when they are added; null = nowhere.</param>
internal sealed class TensorAssembly(Tensor tensor, int maxChunkBytes, Destination? destination = null)
{
    public Tensor Tensor => tensor;

    public long Received { get; private set; }

    public bool IsComplete => Received == tensor.ByteCount;

    /// <exception cref="GradientsException">CHUNK_OUT_OF_ORDER, CHECKSUM_MISMATCH, CONTENT_SIZE_MISMATCH, LIMIT_EXCEEDED, INVALID_FIELD.</exception>
    public void Add(V1.TensorChunk chunk)
    {
        var data = chunk.Data.Span;
        if (data.IsEmpty)
            throw Refusals.Field("chunk.data", "a chunk is not empty.");
        if (data.Length > maxChunkBytes)
            throw Refusals.OverLimit("chunk.data", "max_chunk_bytes", maxChunkBytes, data.Length);
        if (chunk.Offset != (ulong)Received)
            throw GradientsException.Invalid(ErrorReasons.ChunkOutOfOrder, $"A chunk starts at {chunk.Offset}; {Received} bytes came before it.").With("field", "chunk.offset").With("value", chunk.Offset.ToString());
        if (data.Length > tensor.ByteCount - Received)
            throw Mismatch("more came");
        if (chunk.HasCrc32C && TensorChunks.Checksum(data) != chunk.Crc32C)
            throw GradientsException.Invalid(ErrorReasons.ChecksumMismatch, $"The chunk at {Received} does not have its checksum.").With("field", "chunk.crc32c").With("value", Received.ToString());
        if (destination?.Holds(chunk.Data.Memory) != true)
            data.CopyTo(tensor.Buffer.AsSpan<byte>(tensor.ByteCount)[(int)Received..]);
        Received += data.Length;
        destination?.Filled = (int)Received;
    }

    /// <summary>Checks the whole: nothing more comes.</summary>
    /// <exception cref="GradientsException">CONTENT_SIZE_MISMATCH, INVALID_FIELD.</exception>
    public void Complete()
    {
        if (!IsComplete)
            throw Mismatch($"{Received} came");
        TensorReader.CheckBools(tensor.DataType, tensor.AsBytes(), "chunk.data");
    }

    private GradientsException Mismatch(string came) =>
        GradientsException.Invalid(ErrorReasons.ContentSizeMismatch, $"A {tensor.DataType.Name()} tensor of shape {tensor.Shape} has {tensor.ByteCount} bytes; {came}.").With("shapes", tensor.Shape.ToString());
}
