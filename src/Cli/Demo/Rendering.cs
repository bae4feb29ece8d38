using System.Globalization;
using System.Text.Json.Nodes;

namespace Gradients.Cli.Demo;

/// <summary>Quantities as text and as JSON.</summary>
internal static class Rendering
{
    public static string Text(object? value) => value switch
    {
        null => "absent",
        double[] { Length: 1 } one => Number(one[0]),
        double[] many => string.Join(", ", many.Select(Number)),
        string[] words => string.Join(", ", words),
        _ => throw new ArgumentException($"{value.GetType()} is no quantity.", nameof(value)),
    };

    public static JsonNode? Json(object? value) => value switch
    {
        null => null,
        double[] { Length: 1 } one => Node(one[0]),
        double[] many => new JsonArray([.. many.Select(Node)]),
        string[] { Length: 1 } word => word[0],
        string[] words => new JsonArray([.. words.Select(w => (JsonNode)w)]),
        _ => throw new ArgumentException($"{value.GetType()} is no quantity.", nameof(value)),
    };

    /// <summary>Ten digits; −0 reads 0.</summary>
    private static string Number(double x) => (x + 0.0).ToString("G10", CultureInfo.InvariantCulture);

    /// <summary>JSON has no NaN or infinity: these become text.</summary>
    private static JsonNode Node(double x) => double.IsFinite(x) ? JsonValue.Create(x + 0.0) : JsonValue.Create(Number(x));
}
