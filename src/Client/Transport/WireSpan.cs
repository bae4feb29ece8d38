namespace Gradients.Client.Transport;

/// <summary>The encoding of protobuf, read from the front of a span, which it is taken off.</summary>
internal static class WireSpan
{
    /// <exception cref="InvalidDataException">It ends early or has more than ten bytes.</exception>
    public static ulong ReadVarint(ref ReadOnlySpan<byte> message)
    {
        var value = 0UL;
        for (var i = 0; i < 10 && i < message.Length; i++)
        {
            value |= (ulong)(message[i] & 0x7F) << (7 * i);
            if (message[i] >= 0x80)
                continue;
            message = message[(i + 1)..];
            return value;
        }

        throw Malformed();
    }

    /// <summary>Bytes with their length before them.</summary>
    /// <exception cref="InvalidDataException">There are not so many.</exception>
    public static ReadOnlySpan<byte> ReadBytes(ref ReadOnlySpan<byte> message) => ReadBytes(ref message, ReadVarint(ref message));

    /// <exception cref="InvalidDataException">There are not so many.</exception>
    public static ReadOnlySpan<byte> ReadBytes(ref ReadOnlySpan<byte> message, ulong length)
    {
        if (length > (ulong)message.Length)
            throw Malformed();
        var bytes = message[..(int)length];
        message = message[(int)length..];
        return bytes;
    }

    /// <summary>Passes the value of a field that is not known.</summary>
    /// <exception cref="InvalidDataException">It is no field, or a group.</exception>
    public static void Skip(ref ReadOnlySpan<byte> message, ulong tag)
    {
        switch (tag & 7)
        {
            case 0:
                ReadVarint(ref message);
                break;
            case 1:
                ReadBytes(ref message, sizeof(ulong));
                break;
            case 2:
                ReadBytes(ref message);
                break;
            case 5:
                ReadBytes(ref message, sizeof(uint));
                break;
            default:
                throw Malformed();
        }
    }

    private static InvalidDataException Malformed() => new("A message of the server is malformed.");
}
