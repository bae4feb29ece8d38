namespace Gradients.Client;

/// <summary>The nodes made since it began; disposing releases them with the next request.</summary>
public sealed class NodeScope : IDisposable
{
    private readonly Session _session;
    private readonly List<Node> _nodes = [];
    private bool _ended;

    internal NodeScope(Session session) => _session = session;

    /// <summary>How many nodes it will release.</summary>
    public int Count => _nodes.Count;

    /// <summary>Lets a node outlive the scope, and returns it.</summary>
    public Node Keep(Node node)
    {
        _nodes.Remove(node);
        return node;
    }

    /// <summary>Releases the nodes. Nothing is sent until the next request.</summary>
    public void Dispose()
    {
        if (_ended)
            return;
        _ended = true;
        _session.EndScope(this, _nodes);
    }

    internal void Add(Node node) => _nodes.Add(node);
}
