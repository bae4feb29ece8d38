using System.Buffers;
using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Gradients.Server.Wire;

/// <summary>
/// Estimates the managed memory of a parsed message from its bytes alone, without building anything: packed numbers take up
/// to 8 times their bytes, an empty submessage takes 2 bytes on the wire and some hundred in memory.
/// </summary>
internal sealed class ExpansionEstimate
{
    private const int MessageCost = 96;
    private const int TextCost = 48;
    private const int NumberCost = 16;
    private const int MaxDepth = 100;

    private static readonly ConcurrentDictionary<string, ExpansionEstimate> Known = new();

    private readonly Dictionary<int, ExpansionEstimate> _messages = [];
    private readonly Dictionary<int, int> _packed = [];

    /// <summary>The table of a message type and, by reference, of those within it.</summary>
    public static ExpansionEstimate For(MessageDescriptor descriptor)
    {
        lock (Known)
        {
            if (Known.TryGetValue(descriptor.FullName, out var known))
                return known;
            var created = Known[descriptor.FullName] = new ExpansionEstimate();
            foreach (var field in descriptor.Fields.InDeclarationOrder())
            {
                if (field.FieldType == FieldType.Message)
                    created._messages[field.FieldNumber] = For(field.MessageType);
                else if (field.IsRepeated && field.IsPacked)
                    created._packed[field.FieldNumber] = WidthOf(field.FieldType);
            }

            return created;
        }
    }

    /// <summary>
    /// The estimate in bytes; stops early above <paramref name="limit"/>. Stricter than the parser, which cuts overlong numbers:
    /// what it would read differently from here is refused.
    /// </summary>
    /// <exception cref="FormatException">The bytes are no message.</exception>
    public long Of(in ReadOnlySequence<byte> payload, long limit)
    {
        var reader = new SequenceReader<byte>(payload);
        var open = new Stack<(ExpansionEstimate Table, long End)>();
        var table = this;
        var end = payload.Length;
        long cost = MessageCost;
        while (cost <= limit)
        {
            while (reader.Consumed >= end)
            {
                if (!open.TryPop(out var outer))
                    return cost;
                (table, end) = outer;
            }

            if (!TryReadVarint(ref reader, out var tag) || tag > uint.MaxValue)
                throw Malformed();
            var number = (int)(tag >> 3);
            cost += NumberCost;
            switch (tag & 7)
            {
                case 0 when TryReadVarint(ref reader, out _):
                case 1 when TrySkip(ref reader, 8):
                case 5 when TrySkip(ref reader, 4):
                case 3 or 4:
                    break;
                case 2 when TryReadVarint(ref reader, out var length) && length <= (ulong)(end - reader.Consumed):
                    if (table._messages.TryGetValue(number, out var inner))
                    {
                        if (open.Count > MaxDepth)
                            throw Malformed();
                        cost += MessageCost;
                        open.Push((table, end));
                        (table, end) = (inner, reader.Consumed + (long)length);
                    }
                    else
                    {
                        cost += table._packed.TryGetValue(number, out var width) ? NumberCost * CountPacked(ref reader, (long)length, width) : TextCost + Skip(ref reader, (long)length);
                    }

                    break;
                default:
                    throw Malformed();
            }
        }

        return cost;
    }

    private static FormatException Malformed() => new("The bytes are no message.");

    private static int WidthOf(FieldType type) => type switch
    {
        FieldType.Double or FieldType.Fixed64 or FieldType.SFixed64 => 8,
        FieldType.Float or FieldType.Fixed32 or FieldType.SFixed32 => 4,
        _ => 0,
    };

    /// <summary>Numbers in a packed field: its varints end with a byte below 128.</summary>
    private static long CountPacked(ref SequenceReader<byte> reader, long length, int width)
    {
        if (width != 0)
            return Skip(ref reader, length) / width;
        long count = 0;
        while (length > 0)
        {
            var span = reader.UnreadSpan;
            if (span.Length > length)
                span = span[..(int)length];
            foreach (var b in span)
                count += b < 128 ? 1 : 0;
            reader.Advance(span.Length);
            length -= span.Length;
        }

        return count;
    }

    private static long Skip(ref SequenceReader<byte> reader, long length)
    {
        reader.Advance(length);
        return length;
    }

    private static bool TrySkip(ref SequenceReader<byte> reader, long length)
    {
        if (reader.Remaining < length)
            return false;
        reader.Advance(length);
        return true;
    }

    private static bool TryReadVarint(ref SequenceReader<byte> reader, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!reader.TryRead(out var b))
                return false;
            if (shift < 64)
                value |= (ulong)(b & 127) << shift;
            if (b < 128)
                return true;
        }

        return false;
    }
}
