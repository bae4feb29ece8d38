using System.Globalization;
using Gradients.Server.Errors;

namespace Gradients.Server.Services;

/// <summary>Page sizes and tokens; a token is the position of the last item of the page before.</summary>
internal static class Paging
{
    public static int Size(int asked, int standard, int most) => asked switch
    {
        < 0 => throw Refusals.Field("page_size", $"{asked} is negative."),
        0 => standard,
        _ => Math.Min(asked, most),
    };

    public static string Token(long position) => position.ToString("x16", CultureInfo.InvariantCulture);

    public static long Position(string token) =>
        token.Length == 16 && long.TryParse(token, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var position) && position >= 0
            ? position
            : throw Refusals.Field("page_token", "it is none that this server gave.");
}
