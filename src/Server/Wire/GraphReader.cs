using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Server.Errors;

namespace Gradients.Server.Wire;

/// <summary>Nodes and functions of the contract as the engine's definitions.</summary>
internal static class GraphReader
{
    public static FunctionSpec[] ReadFunctions(IList<V1.Function> functions, TensorReader tensors)
    {
        var read = new FunctionSpec[functions.Count];
        for (var i = 0; i < read.Length; i++)
        {
            var f = functions[i];
            if (f.Outputs.Count == 0)
                throw Refusals.Field($"functions[{i}].outputs", "a function returns at least one value.");
            read[i] = new FunctionSpec(
                f.Name,
                [.. f.Parameters],
                ReadNodes(f.Nodes, tensors, $"functions[{i}].nodes"),
                [.. f.Outputs],
                f.Gradient is null ? null : Required(f.Gradient.Function, $"functions[{i}].gradient.function"),
                f.Gradient is null ? null : [.. f.Gradient.Saved]);
        }

        return read;
    }

    public static NodeSpec[] ReadNodes(IList<V1.Node> nodes, TensorReader tensors, string field = "nodes")
    {
        var read = new NodeSpec[nodes.Count];
        for (var i = 0; i < read.Length; i++)
        {
            var node = nodes[i];
            read[i] = new NodeSpec(node.Id, node.Op, [.. node.Inputs], AttributeReader.Read(node, tensors, $"{field}[{i}]"))
            {
                AdditionalOutputs = [.. node.AdditionalOutputIds],
                Label = node.Label.Length == 0 ? null : node.Label,
            };
        }

        return read;
    }

    /// <exception cref="Engine.GradientsException">LIMIT_EXCEEDED; nothing is converted then.</exception>
    public static void CheckCount(IList<V1.Function> functions, IList<V1.Node> nodes, TensorReader tensors)
    {
        var count = nodes.Count + functions.Sum(f => (long)f.Nodes.Count + 1);
        if (count > tensors.Limits.MaxNodesPerRequest)
            throw Refusals.OverLimit("nodes", "max_nodes_per_request", tensors.Limits.MaxNodesPerRequest, count);
    }

    /// <summary>The graph of a stateless request that sends it, whose field is <c>graph</c>.</summary>
    public static ParsedGraph Read(V1.GraphSource? source, TensorReader tensors) => source?.SourceCase switch
    {
        V1.GraphSource.SourceOneofCase.Graph => ReadInline(source.Graph, tensors),
        V1.GraphSource.SourceOneofCase.Text => ReadText(source.Text, tensors, "graph.text"),
        _ => throw Refusals.Field("graph", "a graph is required."),
    };

    /// <exception cref="Engine.GradientsException">EXPRESSION_SYNTAX with line and column; LIMIT_EXCEEDED, INVALID_FIELD.</exception>
    public static ParsedGraph ReadText(V1.Expression text, TensorReader tensors, string field)
    {
        tensors.CheckCount(text.Bindings.Count, $"{field}.bindings");
        var bindings = text.Bindings.Select((b, i) => new TextBinding(
            b.Name, b.Value, b.Type is null ? null : WireTypes.ReadType(b.Type, b.Value, $"{field}.bindings[{i}].type"), b.Variable));
        return GraphText.Parse(text.Source, [.. bindings], text.Result, new TextLimits { MaxNodes = tensors.Limits.MaxNodesPerRequest });
    }

    /// <summary>A graph that stands on its own, in the field <c>graph</c>.</summary>
    public static ParsedGraph ReadInline(V1.Graph graph, TensorReader tensors)
    {
        CheckCount(graph.Functions, graph.Nodes, tensors);
        return new ParsedGraph(ReadFunctions(graph.Functions, tensors), ReadNodes(graph.Nodes, tensors, "graph.nodes"), [], new Dictionary<ulong, TextPosition>());
    }

    private static string Required(string text, string field) =>
        text.Length > 0 ? text : throw Refusals.Field(field, "a name is required.");
}
