using System.Buffers;

namespace Gradients.Server.Wire;

/// <summary>
/// What a message becomes, from its bytes alone: packed numbers take up to 8 times their bytes, an empty submessage takes 2
/// bytes on the wire and some hundred in memory.
/// </summary>
/// <param name="Cost">Managed memory of the parsed message, contents in pooled memory left out.</param>
/// <param name="ContentBytes">Bytes of contents that go to pooled memory.</param>
internal readonly record struct ExpansionEstimate(long Cost, long ContentBytes)
{
    private const int MessageCost = 96;
    private const int TextCost = 48;
    private const int NumberCost = 16;

    // What holds a content in pooled memory: its owner, the bytes over it, the tensor's place in the pool.
    private const int ContentCost = 256;

    /// <summary>Stops early above <paramref name="limit"/>.</summary>
    /// <exception cref="FormatException">The bytes are no message.</exception>
    public static ExpansionEstimate Of(MessageTable table, in ReadOnlySequence<byte> payload, long limit)
    {
        var walk = new MessageWalk(table, payload);
        long cost = MessageCost;
        long contents = 0;
        while (cost <= limit && walk.Next())
        {
            cost += NumberCost;
            if (!walk.IsDelimited)
                continue;
            switch (walk.Field.Kind)
            {
                case MessageTable.FieldKind.Message:
                    cost += MessageCost;
                    break;
                case MessageTable.FieldKind.Numbers:
                    cost += NumberCost * walk.Count();
                    break;
                case MessageTable.FieldKind.Content when walk.Length >= DetachedContents.MinBytes:
                    cost += ContentCost;
                    contents += walk.Length;
                    walk.Skip();
                    break;
                default:
                    cost += TextCost + walk.Length;
                    walk.Skip();
                    break;
            }
        }

        return new ExpansionEstimate(cost, contents);
    }
}
