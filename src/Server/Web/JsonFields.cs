using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Gradients.Server.Web;

/// <summary>Messages and their fields, which JSON names in camel case or as the contract does.</summary>
internal static class JsonFields
{
    private static readonly ConcurrentDictionary<MessageDescriptor, FrozenDictionary<string, FieldDescriptor>> Known = new();

    public static FrozenDictionary<string, FieldDescriptor> Of(MessageDescriptor type) => Known.GetOrAdd(type, static t =>
        t.Fields.InFieldNumberOrder().SelectMany(f => new[] { (f.JsonName, f), (f.Name, f) }).DistinctBy(pair => pair.Item1).ToFrozenDictionary(pair => pair.Item1, pair => pair.f));

    public static IMessage Create(MessageDescriptor type) => type.Parser.ParseFrom(ByteString.Empty);

    /// <summary>Sets the field, or adds to it.</summary>
    public static void Put(IMessage message, FieldDescriptor field, object value)
    {
        if (field.IsRepeated)
            ((IList)field.Accessor.GetValue(message)).Add(value);
        else
            field.Accessor.SetValue(message, value);
    }
}
