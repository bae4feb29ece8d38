using System.Buffers.Binary;
using System.Numerics;

namespace Gradients.Client.Transport;

/// <summary>CRC-32C (Castagnoli), reflected, initial value and final xor all ones.</summary>
internal static class Checksum
{
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
