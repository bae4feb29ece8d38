using Gradients.Client.Transport;

namespace Gradients.Client;

/// <summary>A stand-alone graph for <see cref="GradientsClient.EvaluateAsync(Graph, IReadOnlyList{Node}?, IReadOnlyList{Root}?, IReadOnlyList{Node}?, Feeds?, RequestOptions?, CancellationToken)"/>: no session, any server can evaluate it. Variables are fed, by default with their initial values.</summary>
public sealed class Graph : TopLevelGraph
{
    private readonly Dictionary<ulong, V1.Node> _nodes = [];
    private readonly List<V1.Function> _functions = [];
    private readonly List<Variable> _variables = [];
    private int _version;

    /// <summary>The name under which a server stored the graph as it is now; null when none did.</summary>
    internal string? StoredName { get; private set; }

    /// <summary>The graph as it is now.</summary>
    internal (V1.Graph Message, int Version) Snapshot()
    {
        lock (Gate)
            return (new V1.Graph { Functions = { _functions }, Nodes = { _nodes.Values } }, _version);
    }

    /// <summary>A server stored the graph as it was at a version.</summary>
    internal void Stored(string name, int version)
    {
        lock (Gate)
        {
            if (version == _version)
                StoredName = name;
        }
    }

    /// <summary>The feeds, and the initial values of variables that are not among them.</summary>
    internal Feeds WithInitialValues(Feeds? feeds)
    {
        var all = new Feeds();
        lock (Gate)
        {
            foreach (var variable in _variables)
                all[variable] = variable.Initial!;
        }

        foreach (var (node, value) in feeds ?? [])
            all[node] = value as TensorData ?? throw new ArgumentException("A graph without a session has no tensor handles.", nameof(feeds));
        return all;
    }

    /// <summary>Everything in one message: there is no session to upload to.</summary>
    internal static TransferLimits Limits { get; } = new(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, 1);

    private protected override void Defined(Node node, V1.Node definition)
    {
        _nodes.Add(definition.Id, definition);
        Changed();
    }

    private protected override void FunctionDefined(V1.Function function)
    {
        _functions.Add(function);
        Changed();
    }

    private protected override void VariableInitialized(Variable variable, TensorData value) => _variables.Add(variable);

    internal override void Relabel(Node node, string label)
    {
        lock (Gate)
            _nodes[node.Id].Label = label;
    }

    private void Changed()
    {
        _version++;
        StoredName = null;
    }
}
