using Gradients.Engine.Graph;

namespace Gradients.Engine.Compilation;

/// <summary>Which nodes some outputs depend on.</summary>
internal static class Reachability
{
    /// <summary>The inputs whose elements a node reads; a view reads only what it looks at.</summary>
    public static ReadOnlySpan<Node> DataInputs(Node node) => node.Op is ViewOp ? node.Inputs.AsSpan(0, 1) : node.Inputs;

    /// <summary>By index, whether the elements of an output depend on the node.</summary>
    /// <param name="nodes">Inputs first.</param>
    /// <param name="indices">All indices are below.</param>
    /// <param name="stop">Nodes whose inputs are not followed; each node that is reached is asked once.</param>
    public static bool[] Of(IReadOnlyList<Node> nodes, int indices, IReadOnlyList<Node> outputs, Func<Node, bool>? stop = null)
    {
        var reached = new bool[indices];
        foreach (var output in outputs)
            reached[output.Index] = true;
        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            var node = nodes[i];
            if (!reached[node.Index] || (stop is not null && stop(node)))
                continue;
            foreach (var input in DataInputs(node))
                reached[input.Index] = true;
        }

        return reached;
    }
}
