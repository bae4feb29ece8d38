namespace Gradients.Client;

/// <summary>A function of a session or graph, callable as a node. It can also be called from functions defined after it.</summary>
public sealed class Function
{
    private readonly FunctionBody _body;

    internal Function(TopLevelGraph graph, FunctionBody body)
    {
        Graph = graph;
        _body = body;
    }

    /// <summary>The name.</summary>
    public string Name => _body.Name;

    /// <summary>Where it is defined.</summary>
    public TopLevelGraph Graph { get; }

    /// <summary>A call; the first output where there are several.</summary>
    /// <exception cref="GradientsClientException">The arguments do not fit an op of the body, or their number is wrong.</exception>
    public Node Call(params ReadOnlySpan<Node> arguments) => CallAll(arguments)[0];

    /// <summary>A call with all its outputs.</summary>
    public Node[] CallAll(params ReadOnlySpan<Node> arguments) =>
        (arguments.Length > 0 ? arguments[0].Context : Graph).Call(_body, [.. arguments]);
}
