using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Gradients.Server.Wire;

/// <summary>What the walk over the bytes of a message needs to know of its type, and how the parsed message is searched for contents.</summary>
internal sealed class MessageTable
{
    /// <summary>A message, or a group, of whose fields nothing is known.</summary>
    public static readonly MessageTable Unknown = new();

    private static readonly Dictionary<string, MessageTable> Known = [];

    private readonly List<(IFieldAccessor Accessor, bool Repeated, MessageTable Table)> _holders = [];
    private Field[] _fields = [];
    private bool _hasContent;

    internal enum FieldKind : byte
    {
        /// <summary>Text, bytes or an unknown field.</summary>
        Plain,
        Message,

        /// <summary>Numbers, which may be packed.</summary>
        Numbers,

        /// <summary>The elements of a tensor.</summary>
        Content,
    }

    /// <summary>The table of a message type and, by reference, of those within it.</summary>
    public static MessageTable For(MessageDescriptor descriptor)
    {
        lock (Known)
        {
            if (Known.TryGetValue(descriptor.FullName, out var known))
                return known;
            var created = Known[descriptor.FullName] = new MessageTable();
            created.Fill(descriptor);
            return created;
        }
    }

    /// <summary>The field of a length-delimited record.</summary>
    public Field Of(uint number) => number < (uint)_fields.Length ? _fields[number] : default;

    /// <summary>Visits every tensor and chunk of a parsed message; the loop is as deep as types nest.</summary>
    public void Visit<TState>(IMessage message, TState state, Action<TState, IMessage> content)
    {
        if (_hasContent)
            content(state, message);
        foreach (var (accessor, repeated, table) in _holders)
        {
            var value = accessor.GetValue(message);
            if (repeated)
            {
                var list = (IList)value;
                for (var i = 0; i < list.Count; i++)
                    table.Visit((IMessage)list[i]!, state, content);
            }
            else if (value is IMessage inner)
            {
                table.Visit(inner, state, content);
            }
        }
    }

    private void Fill(MessageDescriptor descriptor)
    {
        var fields = descriptor.Fields.InDeclarationOrder();
        _fields = new Field[fields.Count == 0 ? 0 : fields.Max(f => f.FieldNumber) + 1];
        _hasContent = descriptor.FullName == V1.Tensor.Descriptor.FullName || descriptor.FullName == V1.TensorChunk.Descriptor.FullName;
        foreach (var field in fields)
        {
            if (field.FieldType == FieldType.Message)
            {
                var table = For(field.MessageType);
                _fields[field.FieldNumber] = new Field(FieldKind.Message, table, 0);
                if (!field.IsMap && (table._hasContent || table._holders.Count > 0))
                    _holders.Add((field.Accessor, field.IsRepeated, table));
            }
            else if (field.IsRepeated && field.IsPacked)
            {
                _fields[field.FieldNumber] = new Field(FieldKind.Numbers, Unknown, WidthOf(field.FieldType));
            }
            else if (field.FieldType == FieldType.Bytes && _hasContent)
            {
                _fields[field.FieldNumber] = new Field(FieldKind.Content, Unknown, 0);
            }
        }
    }

    private static int WidthOf(FieldType type) => type switch
    {
        FieldType.Double or FieldType.Fixed64 or FieldType.SFixed64 => 8,
        FieldType.Float or FieldType.Fixed32 or FieldType.SFixed32 => 4,
        _ => 0,
    };

    /// <param name="Message">The table of a message field.</param>
    /// <param name="Width">Bytes of a number; 0 = varying.</param>
    internal readonly record struct Field(FieldKind Kind, MessageTable? Message, int Width);
}
