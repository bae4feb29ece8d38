using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Gradients.Server.Web;

/// <summary>Values of fields from JSON and from query strings. Null = the text is no value of the field; nothing is rounded in silence.</summary>
internal static class JsonScalar
{
    private const int MaxNumber = 512;

    public static object? Read(FieldDescriptor field, ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True or JsonTokenType.False => field.FieldType == FieldType.Bool ? reader.GetBoolean() : null,
        JsonTokenType.Number => FromNumber(field, ref reader),
        JsonTokenType.String when field.FieldType == FieldType.Bytes => reader.TryGetBytesFromBase64(out var bytes) ? UnsafeByteOperations.UnsafeWrap(bytes) : FromBase64(reader.GetString()!),
        JsonTokenType.String when field.FieldType != FieldType.Bool => FromText(field, reader.GetString()!),
        _ => null,
    };

    public static object? FromText(FieldDescriptor field, string text) => field.FieldType switch
    {
        FieldType.String => text,
        FieldType.Bytes => FromBase64(text),
        FieldType.Bool => text switch { "true" => true, "false" => false, _ => null },
        FieldType.Enum => field.EnumType.FindValueByName(text)?.Number ?? (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null),
        FieldType.Double => text switch
        {
            "NaN" => double.NaN,
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            _ => text.Length <= MaxNumber && double.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) ? real : null,
        },
        FieldType.Message when field.MessageType == Duration.Descriptor => FromDuration(text),
        _ => text.Length <= MaxNumber && decimal.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var integer) ? FromInteger(field.FieldType, integer) : null,
    };

    /// <summary>What the field takes, for people.</summary>
    public static string Expectation(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => "a string is expected.",
        FieldType.Bytes => "a string of base64 is expected.",
        FieldType.Bool => "true or false is expected.",
        FieldType.Enum => $"a name of {field.EnumType.Name} is expected, such as {field.EnumType.Values[^1].Name}.",
        FieldType.Double => "a number is expected, or \"NaN\", \"Infinity\" or \"-Infinity\".",
        FieldType.Message when field.MessageType == Duration.Descriptor => "a duration is expected, such as \"1.5s\".",
        FieldType.Message => $"an object is expected, a {field.MessageType.Name}.",
        _ => $"an integer of type {field.FieldType} is expected, as a number or a string.",
    };

    private static object? FromNumber(FieldDescriptor field, ref Utf8JsonReader reader) => field.FieldType switch
    {
        FieldType.Double => reader.TryGetDouble(out var real) && double.IsFinite(real) ? real : null,
        FieldType.Enum => reader.TryGetInt32(out var number) ? number : null,
        FieldType.String or FieldType.Bytes or FieldType.Bool or FieldType.Message => null,
        _ => reader.TryGetDecimal(out var integer) ? FromInteger(field.FieldType, integer) : null,
    };

    /// <summary>All integers of 64 bits are decimals, exactly.</summary>
    private static object? FromInteger(FieldType type, decimal value)
    {
        if (decimal.Truncate(value) != value)
            return null;
        return type switch
        {
            FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 when value is >= long.MinValue and <= long.MaxValue => (long)value,
            FieldType.UInt64 or FieldType.Fixed64 when value is >= 0 and <= ulong.MaxValue => (ulong)value,
            FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 when value is >= int.MinValue and <= int.MaxValue => (int)value,
            FieldType.UInt32 or FieldType.Fixed32 when value is >= 0 and <= uint.MaxValue => (uint)value,
            _ => null,
        };
    }

    /// <summary>Base64 in its URL form, with or without padding, is read too.</summary>
    private static ByteString? FromBase64(string text)
    {
        try
        {
            return UnsafeByteOperations.UnsafeWrap(Base64Url.DecodeFromChars(text.Replace('+', '-').Replace('/', '_').TrimEnd('=')));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static Duration? FromDuration(string text)
    {
        try
        {
            return text.Length <= MaxNumber && !text.AsSpan().ContainsAny('"', '\\') ? JsonParser.Default.Parse<Duration>($"\"{text}\"") : null;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            return null;
        }
    }
}
