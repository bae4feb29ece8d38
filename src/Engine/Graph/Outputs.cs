namespace Gradients.Engine.Graph;

/// <summary>The outputs of an op in order: nearly always one, which takes no array.</summary>
public readonly struct Outputs
{
    private readonly object _nodes;

    private Outputs(object nodes) => _nodes = nodes;

    /// <summary>Whether there is no op.</summary>
    public bool IsNone => _nodes is null;

    public int Count => _nodes is Node[] several ? several.Length : 1;

    public Node this[int position] => _nodes is Node[] several ? several[position]
        : position == 0 ? (Node)_nodes
        : throw new ArgumentOutOfRangeException(nameof(position));

    public static implicit operator Outputs(Node node) => new(node);

    public static implicit operator Outputs(Node[] nodes) => new(nodes);

    public Node[] ToArray() => _nodes is Node[] several ? [.. several] : [(Node)_nodes];
}
