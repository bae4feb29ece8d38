using System.Buffers;
using Google.Protobuf;
using Gradients.Server.Limits;

namespace Gradients.Server.Wire;

/// <summary>
/// Reads the chunk of an upload, as every library writes it, from the connection to its place in the tensor. What is written in
/// another way (fields twice, out of order, unknown) is left to the parser.
/// </summary>
internal static class ChunkReader
{
    private const byte ChunkTag = (V1.UploadTensorRequest.ChunkFieldNumber << 3) | 2;
    private const byte OffsetTag = V1.TensorChunk.OffsetFieldNumber << 3;
    private const byte DataTag = (V1.TensorChunk.DataFieldNumber << 3) | 2;
    private const byte ChecksumTag = (V1.TensorChunk.Crc32CFieldNumber << 3) | 5;

    /// <summary>True = <see cref="Destination.Message"/> is the message; false = nothing of the message has been used.</summary>
    public static bool TryRead(in ReadOnlySequence<byte> payload, Destination destination)
    {
        var reader = new SequenceReader<byte>(payload);
        ulong offset = 0;
        if (!reader.IsNext(ChunkTag, advancePast: true) || !TryReadVarint(ref reader, out var size) || size != (ulong)reader.Remaining)
            return false;
        if (reader.IsNext(OffsetTag, advancePast: true) && !TryReadVarint(ref reader, out offset))
            return false;
        if (!reader.IsNext(DataTag, advancePast: true) || !TryReadVarint(ref reader, out var length) || length > (ulong)reader.Remaining || length == 0)
            return false;
        var place = destination.Next((int)length);
        if (place.IsEmpty)
            return false;
        reader.TryCopyTo(place.Span);
        reader.Advance(place.Length);
        var hasChecksum = reader.IsNext(ChecksumTag, advancePast: true);
        var checksum = 0;
        if ((hasChecksum && !reader.TryReadLittleEndian(out checksum)) || !reader.End)
            return false;
        var chunk = destination.Message.Chunk;
        chunk.Offset = offset;
        chunk.Data = UnsafeByteOperations.UnsafeWrap(place);
        if (hasChecksum)
            chunk.Crc32C = (uint)checksum;
        else
            chunk.ClearCrc32C();
        return true;
    }

    private static bool TryReadVarint(ref SequenceReader<byte> reader, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 63; shift += 7)
        {
            if (!reader.TryRead(out var b))
                return false;
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
                return true;
        }

        return false;
    }
}
