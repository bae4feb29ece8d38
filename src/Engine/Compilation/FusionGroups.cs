using Gradients.Engine.Graph;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Decides which neighbouring elementwise nodes run as one. A group is a run of consecutive executing nodes of one shape in
/// graph order; a node joins unless it reads a member through a view. So everything a group reads from outside is computed
/// before its first member, and no order needs to be changed.
/// </summary>
internal sealed class FusionGroups
{
    private const int MaxMembers = 64;

    private readonly int[] _group;
    private readonly Node?[] _base;

    public FusionGroups(IReadOnlyList<Node> order, int nodeCount, bool fusion)
    {
        _group = new int[nodeCount];
        _base = new Node?[nodeCount];
        Array.Fill(_group, -1);
        var open = -1;
        var members = 0;
        Node? first = null;
        foreach (var node in order)
        {
            _base[node.Index] = node;
            if (node.Op is null)
                continue;
            if (node.Op is ViewOp)
            {
                var source = _base[node.Inputs[0].Index]!;
                _base[node.Index] = source;
                if (open >= 0 && _group[source.Index] == open)
                    open = -1;
            }
            else if (node.Op is not ElementwiseOp)
            {
                open = -1;
            }
            else if (fusion && open >= 0 && members < MaxMembers && first!.Shape.Equals(node.Shape))
            {
                _group[node.Index] = open;
                members++;
            }
            else
            {
                open = node.Index;
                first = node;
                members = 1;
                _group[node.Index] = open;
            }
        }
    }

    /// <summary>The index of the first member of the node's group, or −1.</summary>
    public int this[Node node] => _group[node.Index];
}
