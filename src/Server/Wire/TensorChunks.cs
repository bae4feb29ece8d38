using System.Numerics;
using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Gradients.Server.Wire;

internal static class TensorChunks
{
    /// <summary>Makes it the chunk at an offset, over the tensor's own memory: written before that goes, and kept by nobody. Returns the bytes after it.</summary>
    public static int Fill(V1.TensorChunk chunk, ReadOnlyMemory<byte> elements, int offset, int size, bool checksum)
    {
        var part = elements.Slice(offset, Math.Min(size, elements.Length - offset));
        chunk.Offset = (ulong)offset;
        chunk.Data = UnsafeByteOperations.UnsafeWrap(part);
        if (checksum)
            chunk.Crc32C = Checksum(part.Span);
        return elements.Length - offset - part.Length;
    }

    /// <summary>CRC-32C (Castagnoli): reflected, initial value and final xor 0xFFFFFFFF.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, word);
        foreach (var b in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
