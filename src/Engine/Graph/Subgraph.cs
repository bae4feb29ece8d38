namespace Gradients.Engine.Graph;

/// <summary>
/// The definitions that some values depend on, each behind its inputs, in an order that depends only on the graph's
/// structure. Reusable; one at a time over one graph, because positions are noted in the definitions themselves.
/// </summary>
public sealed class Subgraph
{
    private static long _traversals;

    private readonly Stack<(NodeDefinition Node, int NextInput)> _stack = new();
    private readonly List<NodeDefinition> _nodes = [];
    private readonly List<NodeDefinition> _sources = [];
    private long _mark;

    /// <summary>Constants of more bytes than this are bound when a plan runs instead of being part of it; int64 ones never.</summary>
    public const int MaxEmbeddedConstantBytes = 512;

    public IReadOnlyList<NodeDefinition> Nodes => _nodes;

    /// <summary>Inputs, variables and large constants in the order in which they are met: the plan's inputs.</summary>
    public IReadOnlyList<NodeDefinition> Sources => _sources;

    public void Start()
    {
        _mark = Interlocked.Increment(ref _traversals);
        _nodes.Clear();
        _sources.Clear();
    }

    /// <summary>Adds what a value depends on; returns the position of its node.</summary>
    public int Add(Value value)
    {
        if (Enter(value.Node))
        {
            while (_stack.TryPop(out var top))
            {
                var (node, next) = top;
                while (next < node.Inputs.Length && (node.Inputs[next] is not { } input || input.Node.Mark == _mark))
                    next++;
                if (next < node.Inputs.Length)
                {
                    _stack.Push((node, next + 1));
                    Enter(node.Inputs[next]!.Value.Node);
                    continue;
                }

                node.Position = _nodes.Count;
                _nodes.Add(node);
                if (IsSource(node))
                    _sources.Add(node);
            }
        }

        return value.Node.Position;
    }

    /// <summary>Whether the node's elements are bound when a plan runs.</summary>
    public static bool IsSource(NodeDefinition node) =>
        node.Op == StructuralOp.Input || node.Op == StructuralOp.Variable || (node.Op == StructuralOp.Constant && !IsEmbedded(node));

    /// <summary>The constant's elements.</summary>
    public static ConstantData ConstantOf(NodeDefinition node) => (ConstantData)node.Attributes.Find("value")!;

    private static bool IsEmbedded(NodeDefinition node)
    {
        var data = ConstantOf(node);
        return data.ByteCount <= MaxEmbeddedConstantBytes || data.DataType == Tensors.DataType.Int64;
    }

    private bool Enter(NodeDefinition node)
    {
        if (node.Mark == _mark)
            return false;
        node.Mark = _mark;
        _stack.Push((node, 0));
        return true;
    }
}
