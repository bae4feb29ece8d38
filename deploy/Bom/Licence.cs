namespace Gradients.Bom;

/// <summary>The licence a package states.</summary>
/// <param name="Text">An SPDX expression, or where the text is found.</param>
/// <param name="IsExpression">Whether it is an SPDX expression, which everything we ship must have.</param>
public sealed record Licence(string Text, bool IsExpression);
