using Gradients.Engine.Graph;

namespace Gradients.Engine.Compilation;

/// <summary>Which nodes some outputs depend on.</summary>
internal static class Reachability
{
    /// <summary>In the result, of outputs and of nodes that are read more than once.</summary>
    public const byte Many = 2;

    /// <summary>The inputs whose elements a node reads; a view reads only what it looks at.</summary>
    public static ReadOnlySpan<Node> DataInputs(Node node) => node.Op is ViewOp ? node.Inputs.AsSpan(0, 1) : node.Inputs;

    /// <summary>By index, how often a node is read for the outputs: 0, 1 or <see cref="Many"/>.</summary>
    /// <param name="nodes">By index.</param>
    /// <param name="stop">Nodes whose inputs are not followed; each node that is reached is asked once, the last first.</param>
    public static byte[] Of(IReadOnlyList<Node> nodes, IReadOnlyList<Node> outputs, Func<Node, bool>? stop = null)
    {
        var reads = new byte[nodes.Count];
        foreach (var output in outputs)
            reads[output.Index] = Many;
        for (var i = reads.Length - 1; i >= 0; i--)
        {
            if (reads[i] == 0 || (stop is not null && stop(nodes[i])))
                continue;
            foreach (var input in DataInputs(nodes[i]))
                reads[input.Index] = (byte)Math.Min(Many, reads[input.Index] + 1);
        }

        return reads;
    }
}
