using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;

namespace Gradients.Client;

/// <summary>The inside of a function while it is defined. Its nodes belong to it alone; parameters have no type until it is called.</summary>
public class FunctionBody : GraphContext
{
    private readonly TopLevelGraph _graph;
    private readonly List<(V1.Node Definition, Node Node)> _nodes = [];

    internal FunctionBody(string name, int parameters, TopLevelGraph graph)
    {
        Name = name;
        _graph = graph;
        for (var i = 0; i < parameters; i++)
            AddParameter();
    }

    /// <summary>The function's name.</summary>
    public string Name { get; }

    /// <summary>The parameters in order.</summary>
    public IReadOnlyList<Node> Parameters => ParameterList;

    internal IReadOnlyList<Node> Outputs { get; set; } = [];

    private protected List<Node> ParameterList { get; } = [];

    internal V1.Function ToMessage(FunctionGradient? gradient)
    {
        var function = ToMessage(ParameterList, Outputs);
        if (gradient is not null)
            function.Gradient = gradient.ToReference();
        return function;
    }

    /// <summary>Walks the body with the arguments' types. Calls nest as deep as functions do, which the server bounds.</summary>
    /// <exception cref="GradientsClientException">An op inside does not fit; the op is named as Function/Op.</exception>
    internal KnownValue[] Infer(KnownValue[] arguments)
    {
        var values = new Dictionary<ulong, KnownValue>();
        for (var i = 0; i < arguments.Length; i++)
            values[ParameterList[i].Id] = arguments[i];
        foreach (var (definition, node) in _nodes)
        {
            var inputs = definition.Inputs.Select(id => id == 0 ? null : values[id]).ToArray();
            if (node.Known.Type is not null)
            {
                values[node.Id] = node.Known;
            }
            else if (_graph.Function(definition.Op) is { } function)
            {
                var outputs = function.Infer(Array.ConvertAll(inputs, i => i ?? KnownValue.Unknown));
                values[definition.Id] = outputs[0];
                for (var i = 0; i < definition.AdditionalOutputIds.Count; i++)
                    values[definition.AdditionalOutputIds[i]] = outputs[i + 1];
            }
            else if (definition.Op == "Gradient")
            {
                var roots = (int)definition.Attributes.First(a => a.Name == "roots").IntValue;
                values[definition.Id] = inputs[roots]! with { Constant = null };
                for (var i = 0; i < definition.AdditionalOutputIds.Count; i++)
                    values[definition.AdditionalOutputIds[i]] = inputs[roots + 1 + i]! with { Constant = null };
            }
            else
            {
                var outputs = Infer(definition, node, inputs);
                values[node.Id] = outputs[0];
                for (var i = 0; i < definition.AdditionalOutputIds.Count; i++)
                    values[definition.AdditionalOutputIds[i]] = outputs[i + 1];
            }
        }

        return [.. Outputs.Select(o => values[o.Id])];
    }

    private protected Node AddParameter()
    {
        lock (Gate)
        {
            var node = new Node(this, NextId(), "Parameter", null, KnownValue.Unknown);
            ParameterList.Add(node);
            return node;
        }
    }

    private protected V1.Function ToMessage(IEnumerable<Node> parameters, IEnumerable<Node?> outputs) => new()
    {
        Name = Name,
        Parameters = { parameters.Select(p => p.Id) },
        Nodes = { _nodes.Select(n => n.Definition) },
        Outputs = { outputs.Select(o => o?.Id ?? 0) },
    };

    private protected override void Defined(Node node, V1.Node definition) => _nodes.Add((definition, node));

    internal override void Relabel(Node node, string label)
    {
        lock (Gate)
        {
            foreach (var (definition, _) in _nodes.Where(n => n.Node == node))
                definition.Label = label;
        }
    }

    private protected override FunctionBody? FindFunction(string name) => _graph.Function(name);

    private KnownValue[] Infer(V1.Node definition, Node node, KnownValue?[] inputs)
    {
        try
        {
            return ShapeInference.Infer(OpCatalog.Find(definition.Op)!, node.Attributes ?? Attributes.None, inputs);
        }
        catch (GradientsException e)
        {
            throw Errors.Local(new GradientsException(e.Code, e.Reason, e.Message, e).With("op", $"{Name}/{definition.Op}").With("label", node.Label ?? "").With("shapes", e.Metadata.GetValueOrDefault("shapes", "")));
        }
    }
}
