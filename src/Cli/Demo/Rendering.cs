using System.Globalization;
using System.Text.Json.Nodes;

namespace Gradients.Cli.Demo;

/// <summary>Quantities as text and as JSON.</summary>
internal static class Rendering
{
    /// <summary>Enough digits that what differs looks different.</summary>
    public const int AllDigits = 17;

    private const int FewDigits = 7;

    public static string Text(object? value, int digits = FewDigits) => value switch
    {
        null => "absent",
        double[] numbers => string.Join(", ", numbers.Select(x => Number(x, digits))),
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

    /// <summary>−0 reads 0.</summary>
    private static string Number(double x, int digits) => (x + 0.0).ToString($"G{digits}", CultureInfo.InvariantCulture);

    /// <summary>JSON has no NaN or infinity: these become text.</summary>
    private static JsonNode Node(double x) => double.IsFinite(x) ? JsonValue.Create(x + 0.0) : JsonValue.Create(Number(x, AllDigits));
}
