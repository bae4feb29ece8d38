namespace Gradients.Engine.Expressions;

/// <summary>What one text may hold; more is LIMIT_EXCEEDED.</summary>
public sealed record TextLimits
{
    /// <summary>The most UTF-16 units. The default value is 65,536.</summary>
    public int MaxLength { get; init; } = 65_536;

    /// <summary>The most open brackets and operators that wait for their right side. The default value is 256.</summary>
    public int MaxDepth { get; init; } = 256;

    /// <summary>The most nodes, those in functions included. The default value is 1,000,000.</summary>
    public int MaxNodes { get; init; } = 1_000_000;
}
