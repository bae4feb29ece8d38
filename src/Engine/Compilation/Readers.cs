using Gradients.Engine.Graph;

namespace Gradients.Engine.Compilation;

/// <summary>How often and how late a plan reads each value.</summary>
internal sealed class Readers
{
    private readonly Reads[] _reads;

    /// <param name="nodes">Inputs first.</param>
    /// <param name="indices">All indices are below.</param>
    /// <param name="outputs">Read by whoever runs the plan, when it has run.</param>
    public Readers(IReadOnlyList<Node> nodes, int indices, Node[] outputs)
    {
        _reads = new Reads[indices];
        foreach (var output in outputs)
            _reads[output.Index] = new Reads { Count = int.MaxValue / 2, Last = int.MaxValue };
        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            var node = nodes[i];
            ref var own = ref _reads[node.Index];
            if (own.Last == 0)
                continue;
            var count = node.Op is ViewOp ? own.Count : 1;
            foreach (var input in Reachability.DataInputs(node))
            {
                ref var read = ref _reads[input.Index];
                read.Last = Math.Max(read.Last, node.Index);
                read.Count = Math.Min(int.MaxValue / 2, read.Count + count);
            }
        }
    }

    /// <summary>The largest index of a node that reads this one; 0 when no output depends on it.</summary>
    public int LastOf(Node node) => _reads[node.Index].Last;

    /// <summary>How many inputs of nodes that are no views read the elements of the node, through views or not.</summary>
    public int CountOf(Node node) => _reads[node.Index].Count;

    private struct Reads
    {
        public int Count;
        public int Last;
    }
}
