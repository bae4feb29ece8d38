using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Gradients.GradientCheck.Tests.Onnx;

/// <summary>One field of a protobuf message: its number and its bytes or number.</summary>
internal readonly record struct WireField(int Number, ulong Integer, ReadOnlyMemory<byte> Bytes, bool IsBytes)
{
    public string Text => Encoding.UTF8.GetString(Bytes.Span);

    public float Single => BitConverter.UInt32BitsToSingle((uint)Integer);

    /// <summary>The varints of a repeated field, packed or one.</summary>
    public IEnumerable<long> Varints()
    {
        if (!IsBytes)
        {
            yield return (long)Integer;
            yield break;
        }

        for (var position = 0; position < Bytes.Length;)
            yield return (long)WireReader.Varint(Bytes.Span, ref position);
    }

    /// <summary>The fixed-size elements of a packed field.</summary>
    public T[] Packed<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes.Span).ToArray();
}

/// <summary>Reads protobuf's wire format, as much of it as ONNX files need.</summary>
internal static class WireReader
{
    public static List<WireField> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<WireField>();
        for (var position = 0; position < message.Length;)
        {
            var span = message.Span;
            var tag = Varint(span, ref position);
            var number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(new(number, Varint(span, ref position), default, false));
                    break;
                case 1:
                    fields.Add(new(number, BinaryPrimitives.ReadUInt64LittleEndian(span[position..]), default, false));
                    position += 8;
                    break;
                case 2:
                    var length = (int)Varint(span, ref position);
                    fields.Add(new(number, 0, message.Slice(position, length), true));
                    position += length;
                    break;
                case 5:
                    fields.Add(new(number, BinaryPrimitives.ReadUInt32LittleEndian(span[position..]), default, false));
                    position += 4;
                    break;
                default:
                    throw new InvalidDataException($"Wire type {tag & 7}.");
            }
        }

        return fields;
    }

    public static ulong Varint(ReadOnlySpan<byte> bytes, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = bytes[position++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
                return value;
        }
    }
}
