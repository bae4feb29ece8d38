using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Gradients.Engine;
using Gradients.Server.Errors;

namespace Gradients.Server.Web;

/// <summary>
/// Reads the JSON of Protocol Buffers, strictly: names that the contract does not have, values twice, and values of another kind
/// are refused with their place. Keeps its own stack.
/// </summary>
internal static class JsonMessageReader
{
    /// <exception cref="JsonException">The text is not JSON, or too deep.</exception>
    /// <exception cref="GradientsException">MALFORMED_MESSAGE with the field's path.</exception>
    public static IMessage Read(ReadOnlySpan<byte> json, MessageDescriptor type)
    {
        var reader = new Utf8JsonReader(json, JsonBody.Options);
        var open = new Stack<Level>();
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw Malformed("", $"an object is expected, a {type.Name}.");
        open.Push(new Level(JsonFields.Create(type)));
        var root = open.Peek().Message;
        try
        {
            while (reader.Read())
                Take(ref reader, open);
        }
        catch (InvalidOperationException)
        {
            // Not UTF-8, or half a surrogate pair.
            throw Malformed(Path(open), "the text is not Unicode.");
        }

        return root;
    }

    public static GradientsException Malformed(string field, string message) => field.Length == 0
        ? GradientsException.Invalid(ErrorReasons.MalformedMessage, message)
        : GradientsException.Invalid(ErrorReasons.MalformedMessage, $"{field}: {message}").With("field", field);

    private static void Take(ref Utf8JsonReader reader, Stack<Level> open)
    {
        var level = open.Peek();
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                var name = reader.GetString()!;
                level.Field = JsonFields.Of(level.Message.Descriptor).GetValueOrDefault(name);
                if (level.Field is null)
                    throw Malformed(Path(open, name), $"{level.Message.Descriptor.Name} has no such field.");
                if (!level.Seen.Add(level.Field.FieldNumber) || (level.Field.ContainingOneof is { } oneof && oneof.Accessor.GetCaseFieldDescriptor(level.Message) is not null))
                    throw Malformed(Path(open), "it is given twice, or with another one of which it excludes.");
                break;
            case JsonTokenType.EndObject:
                open.Pop();
                break;
            case JsonTokenType.StartArray when level is { InList: false, Field.IsRepeated: true }:
                level.InList = true;
                level.Index = 0;
                break;
            case JsonTokenType.EndArray:
                level.InList = false;
                break;
            case JsonTokenType.Null when !level.InList:
                break;
            case JsonTokenType.StartObject when level.TakesValue && level.Field is { FieldType: FieldType.Message } field && field.MessageType != Duration.Descriptor:
                var inner = JsonFields.Create(field.MessageType);
                JsonFields.Put(level.Message, field, inner);
                open.Push(new Level(inner));
                level.Index++;
                break;
            case JsonTokenType.String or JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False when level.TakesValue && JsonScalar.Read(level.Field!, ref reader) is { } value:
                JsonFields.Put(level.Message, level.Field!, value);
                level.Index++;
                break;
            default:
                throw Malformed(Path(open), level is { InList: false, Field.IsRepeated: true } ? "a list is expected." : JsonScalar.Expectation(level.Field!));
        }
    }

    /// <summary>Such as <c>feeds[0].tensor.shape</c>; the innermost level comes first on the stack.</summary>
    private static string Path(Stack<Level> open, string? last = null)
    {
        var text = new StringBuilder();
        foreach (var level in open.Reverse())
        {
            var isLast = level == open.Peek();
            text.Append(text.Length == 0 ? "" : ".").Append(isLast && last is not null ? last : level.Field?.Name);
            if (level.InList && !(isLast && last is not null))
                text.Append('[').Append(isLast ? level.Index : level.Index - 1).Append(']');
        }

        return text.ToString();
    }

    /// <summary>A message that is being read.</summary>
    private sealed class Level(IMessage message)
    {
        public IMessage Message { get; } = message;

        public HashSet<int> Seen { get; } = [];

        public FieldDescriptor? Field { get; set; }

        public bool InList { get; set; }

        /// <summary>How many values of the field there are before the next one.</summary>
        public int Index { get; set; }

        public bool TakesValue => Field!.IsRepeated == InList;
    }
}
