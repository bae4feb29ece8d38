using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Gradients.Server.Limits;

namespace Gradients.Server.Wire;

/// <summary>
/// The contents of one message's tensors, moved from the connection to pooled memory. The parser gets the message with a mark in
/// the place of each content; in what it made, the bytes take the places of the marks again. A message with detached contents
/// has no other contents of a mark's length, so nothing that a client sends is taken for one.
/// </summary>
internal sealed class DetachedContents(WireLease lease)
{
    /// <summary>Smaller contents are cheaper in managed memory.</summary>
    public const int MinBytes = 1024;

    private const int MarkBytes = 5;

    private readonly List<ByteString> _contents = new(1);

    public IMessage Parse(in ReadOnlySequence<byte> payload, MessageDescriptor descriptor, MessageTable table, ExpansionEstimate estimate)
    {
        // Marks are shorter than the contents that they replace.
        var rest = ArrayPool<byte>.Shared.Rent((int)(payload.Length - estimate.ContentBytes) + ((int)(estimate.ContentBytes / MinBytes) * MarkBytes));
        try
        {
            var written = Detach(payload, table, rest);
            var message = descriptor.Parser.ParseFrom(new ReadOnlySequence<byte>(rest, 0, written));
            table.Visit(message, this, static (contents, holder) => contents.Attach(holder));
            return message;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rest);
        }
    }

    private int Detach(in ReadOnlySequence<byte> payload, MessageTable table, byte[] rest)
    {
        Span<byte> mark = stackalloc byte[MarkBytes];
        mark.Clear();
        var walk = new MessageWalk(table, payload, rest);
        while (walk.Next())
        {
            if (!walk.IsDelimited || walk.Field.Kind == MessageTable.FieldKind.Message)
                continue;
            if (walk.Field.Kind != MessageTable.FieldKind.Content || walk.Length is < MinBytes and not MarkBytes)
            {
                walk.Skip();
                continue;
            }

            BinaryPrimitives.WriteInt32LittleEndian(mark, _contents.Count);
            _contents.Add(Read(ref walk));
            walk.Replace(mark);
        }

        return walk.Written;
    }

    private ByteString Read(ref MessageWalk walk)
    {
        if (walk.Length == MarkBytes)
        {
            Span<byte> own = stackalloc byte[MarkBytes];
            walk.Read(own);
            return ByteString.CopyFrom(own);
        }

        var content = lease.Place(walk.Length);
        walk.Read(content.Span);
        return UnsafeByteOperations.UnsafeWrap(content);
    }

    private void Attach(IMessage holder)
    {
        switch (holder)
        {
            case V1.Tensor { Raw.Length: MarkBytes } tensor:
                tensor.Raw = Of(tensor.Raw);
                break;
            case V1.TensorChunk { Data.Length: MarkBytes } chunk:
                chunk.Data = Of(chunk.Data);
                break;
        }
    }

    private ByteString Of(ByteString mark) => _contents[BinaryPrimitives.ReadInt32LittleEndian(mark.Span)];
}
