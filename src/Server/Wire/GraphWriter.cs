using Gradients.Engine.Graph;

namespace Gradients.Server.Wire;

/// <summary>Definitions as messages of the contract: what <see cref="GraphReader"/> reads as the same definitions.</summary>
internal static class GraphWriter
{
    public static V1.Graph Write(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes) =>
        new() { Functions = { functions.Select(Write) }, Nodes = { nodes.Select(Write) } };

    private static V1.Function Write(FunctionSpec function) => new()
    {
        Name = function.Name,
        Parameters = { function.Parameters },
        Nodes = { function.Nodes.Select(Write) },
        Outputs = { function.Outputs },
        Gradient = function.Gradient is null ? null : new V1.CustomGradient { Function = function.Gradient, Saved = { function.Saved ?? [] } },
    };

    private static V1.Node Write(NodeSpec node) => new()
    {
        Id = node.Id,
        Op = node.Op,
        Inputs = { node.Inputs },
        Attributes = { node.Attributes.Entries.Select(a => AttributeWriter.Write(a.Name, a.Value, node.Id)) },
        AdditionalOutputIds = { node.AdditionalOutputs },
        Label = node.Label ?? "",
    };
}
