using System.Globalization;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>Gives a name of a text an id.</summary>
/// <param name="Type">Declares the name as an input; null: the text assigns it.</param>
/// <param name="Variable">The input is a variable.</param>
public sealed record TextBinding(string Name, ulong Value, TensorType? Type = null, bool Variable = false);

/// <summary>What a text defines, not yet checked: that is <see cref="GraphDefinition"/>'s part.</summary>
/// <param name="Results">Ids of what the last statement gives.</param>
/// <param name="Positions">Where each node outside functions, and each unnamed one within, comes from.</param>
public sealed record ParsedGraph(FunctionSpec[] Functions, NodeSpec[] Nodes, ulong[] Results, IReadOnlyDictionary<ulong, TextPosition> Positions)
{
    /// <summary>Ids from here on are given to values that the text does not name.</summary>
    public const ulong FirstPrivateId = 1UL << 63;

    /// <summary>Adds line and column to an error about a node of the text.</summary>
    public GradientsException Locate(GradientsException error) =>
        error.Metadata.TryGetValue("node", out var text)
        && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        && (id >= FirstPrivateId || !error.Metadata.ContainsKey("function"))
        && Positions.TryGetValue(id, out var at) ? at.Locate(error) : error;
}
