using System.Numerics;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Gradients.Engine.Tensors;

namespace Gradients.Server.Wire;

internal static class TensorChunks
{
    /// <summary>A chunk over the tensor's own memory: written before the tensor is disposed, and kept by nobody.</summary>
    public static V1.TensorChunk Of(Tensor tensor, long offset, int count, bool checksum)
    {
        var memory = new TensorMemory(tensor).Memory.Slice((int)offset, count);
        var chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = UnsafeByteOperations.UnsafeWrap(memory) };
        if (checksum)
            chunk.Crc32C = Checksum(memory.Span);
        return chunk;
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
