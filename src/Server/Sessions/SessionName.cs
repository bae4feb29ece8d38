using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;

namespace Gradients.Server.Sessions;

/// <summary>
/// <c>sessions/{incarnation}-{random}</c>: 32 bits that differ with each start of the server, then 128 random bits, both in
/// lower-case hexadecimal.
/// </summary>
internal readonly record struct SessionName(uint Incarnation, UInt128 Id)
{
    private const string Prefix = "sessions/";
    private const int Length = 9 + 8 + 1 + 32;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef-");

    public static SessionName Create(uint incarnation)
    {
        Span<ulong> random = stackalloc ulong[2];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(random));
        return new(incarnation, new UInt128(random[0], random[1]));
    }

    public static bool TryParse(string text, out SessionName name)
    {
        name = default;
        if (text.Length != Length || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[17] != '-' || text.AsSpan(9).ContainsAnyExcept(Digits))
            return false;
        if (!uint.TryParse(text.AsSpan(9, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var incarnation)
            || !UInt128.TryParse(text.AsSpan(18), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id))
            return false;
        name = new(incarnation, id);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Incarnation:x8}-{Id:x32}");
}
