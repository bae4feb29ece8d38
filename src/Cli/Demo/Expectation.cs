using System.Globalization;
using System.Text.Json.Nodes;

namespace Gradients.Cli.Demo;

/// <summary>What one quantity of a chapter must be.</summary>
/// <param name="Quantity">The name under which the chapter reports it.</param>
internal abstract record Expectation(string Quantity)
{
    public abstract bool Holds(object? received);

    public abstract string Text { get; }

    public abstract JsonNode? Json { get; }
}

/// <summary>Numbers, each within an absolute tolerance; NaN never is.</summary>
internal sealed record Near(string Quantity, double Tolerance, params double[] Values) : Expectation(Quantity)
{
    public override bool Holds(object? received) =>
        received is double[] numbers && numbers.Length == Values.Length && numbers.Zip(Values).All(p => Math.Abs(p.First - p.Second) <= Tolerance);

    public override string Text => Rendering.Text(Values);

    public override JsonNode? Json => Rendering.Json(Values);
}

/// <summary>One number, not below a bound.</summary>
internal sealed record AtLeast(string Quantity, double Bound) : Expectation(Quantity)
{
    public override bool Holds(object? received) => received is double[] { Length: 1 } numbers && numbers[0] >= Bound;

    public override string Text => string.Create(CultureInfo.InvariantCulture, $"≥ {Bound}");

    public override JsonNode? Json => new JsonObject { ["at_least"] = Bound };
}

/// <summary>These words in this order.</summary>
internal sealed record Words(string Quantity, params string[] Values) : Expectation(Quantity)
{
    public override bool Holds(object? received) => received is string[] words && words.SequenceEqual(Values);

    public override string Text => Rendering.Text(Values);

    public override JsonNode? Json => Rendering.Json(Values);
}

/// <summary>No gradient at all, which is not a gradient of zeros.</summary>
internal sealed record Absent(string Quantity) : Expectation(Quantity)
{
    public override bool Holds(object? received) => received is null;

    public override string Text => Rendering.Text(null);

    public override JsonNode? Json => null;
}
