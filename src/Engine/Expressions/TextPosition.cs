using System.Globalization;

namespace Gradients.Engine.Expressions;

/// <summary>A place in a text; lines and columns (UTF-16 units) count from 1.</summary>
public readonly record struct TextPosition(int Line, int Column)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"line {Line}, column {Column}");

    /// <summary>Adds <c>line</c> and <c>column</c>, unless the error has them.</summary>
    public GradientsException Locate(GradientsException error) =>
        error.With("line", Line.ToString(CultureInfo.InvariantCulture)).With("column", Column.ToString(CultureInfo.InvariantCulture));

    internal GradientsException Fault(string message) =>
        Locate(GradientsException.Invalid(ErrorReasons.ExpressionSyntax, $"At {this}: {message}"));

    internal GradientsException OverLimit(string limit, long allowed, long value) =>
        Locate(GradientsException.Exhausted(ErrorReasons.LimitExceeded, $"At {this}: {limit} is {allowed}.").Limited(limit, value.ToString(CultureInfo.InvariantCulture), "server"));
}
