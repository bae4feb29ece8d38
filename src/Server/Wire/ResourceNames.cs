using System.Globalization;
using Gradients.Server.Errors;

namespace Gradients.Server.Wire;

/// <summary>Names of what a session holds: <c>tensors/{number}</c>, <c>runs/{number}</c>, <c>uploads/{number}</c>.</summary>
internal static class ResourceNames
{
    public const string Tensors = "tensors/";
    public const string Runs = "runs/";

    public static string Tensor(ulong id) => string.Create(CultureInfo.InvariantCulture, $"{Tensors}{id}");

    public static string Upload(ulong id) => string.Create(CultureInfo.InvariantCulture, $"uploads/{id}");

    public static string Run(ulong id) => string.Create(CultureInfo.InvariantCulture, $"{Runs}{id}");

    /// <exception cref="Engine.GradientsException">INVALID_FIELD when the name is not in canonical form.</exception>
    public static ulong Parse(string name, string prefix, string field) =>
        TryParse(name, prefix, out var id) ? id : throw Refusals.Field(field, $"a name has the form {prefix}{{number}}.");

    public static bool TryParse(string name, string prefix, out ulong id)
    {
        id = 0;
        return name.Length <= 32
            && name.StartsWith(prefix, StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out id)
            && id != 0
            && name[prefix.Length] != '0';
    }
}
