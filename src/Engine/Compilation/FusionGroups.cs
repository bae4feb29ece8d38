using Gradients.Engine.Graph;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Decides which neighbouring elementwise nodes run as one, and notes who reads what. A group is a run of consecutive
/// executing nodes of one shape in graph order; a node joins unless it reads a member through a view. So everything a group
/// reads from outside is computed before its first member, and no order needs to be changed.
/// </summary>
internal sealed class FusionGroups
{
    private const int MaxMembers = 64;

    private readonly Entry[] _entries;

    /// <param name="order">The nodes, inputs first.</param>
    /// <param name="indices">All indices are below.</param>
    /// <param name="outputs">The nodes whose values leave the plan.</param>
    public FusionGroups(IReadOnlyList<Node> order, int indices, Node[] outputs, bool fusion)
    {
        _entries = new Entry[indices];
        Form(order, fusion);
        foreach (var output in outputs)
        {
            _entries[output.Index].Escapes = true;
            _entries[_entries[output.Index].Base].Uses = int.MaxValue / 2;
        }

        foreach (var node in order)
            CountReads(node);
    }

    /// <summary>The index of the first member of the node's group, or −1.</summary>
    public int this[Node node] => _entries[node.Index].Group;

    /// <summary>Whether the node's value is read outside its group.</summary>
    public bool Escapes(Node node) => _entries[node.Index].Escapes;

    /// <summary>The index of the node whose elements a view looks at; any other node's own.</summary>
    public int BaseOf(Node node) => _entries[node.Index].Base;

    /// <summary>How many inputs of nodes that are no views read the elements of the node, through views or not.</summary>
    public int UsesOf(Node node) => _entries[node.Index].Uses;

    private void Form(IReadOnlyList<Node> order, bool fusion)
    {
        var open = -1;
        var members = 0;
        Node? first = null;
        foreach (var node in order)
        {
            ref var entry = ref _entries[node.Index];
            (entry.Group, entry.Base) = (-1, node.Index);
            if (node.Op is null)
                continue;
            if (node.Op is ViewOp)
            {
                entry.Base = _entries[node.Inputs[0].Index].Base;
                if (open >= 0 && _entries[entry.Base].Group == open)
                    open = -1;
            }
            else if (node.Op is not ElementwiseOp)
            {
                open = -1;
            }
            else if (fusion && open >= 0 && members < MaxMembers && first!.Shape.Equals(node.Shape))
            {
                entry.Group = open;
                members++;
            }
            else
            {
                open = node.Index;
                first = node;
                members = 1;
                entry.Group = open;
            }
        }
    }

    private void CountReads(Node node)
    {
        var group = _entries[node.Index].Group;
        foreach (var input in Reachability.DataInputs(node))
        {
            ref var entry = ref _entries[input.Index];
            entry.Escapes |= group < 0 || group != entry.Group;
            if (node.Op is not ViewOp)
                _entries[entry.Base].Uses++;
        }
    }

    private struct Entry
    {
        public int Group;
        public int Base;
        public int Uses;
        public bool Escapes;
    }
}
