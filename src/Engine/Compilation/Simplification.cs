using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>
/// The part of a graph that a plan computes, in fewer nodes that give the same bits: what is equal is computed once, what
/// changes nothing is left out, a transposed product is computed transposed. Values that are bound become inputs. A node
/// that stays as it is, is taken over; another takes the index of the one it replaces. Linear in the number of nodes.
/// </summary>
/// <remarks>
/// Left alone, because they would change bits: x + 0 (−0 becomes 0), x − y for x + (−y) (the sign of a NaN), sums in another
/// order, anything that moves a rounding.
/// </remarks>
internal sealed class Simplification
{
    private const int MaxComparedConstant = 64;

    private readonly List<Node> _nodes;
    private readonly Node?[] _kept;
    private readonly byte[] _reads;
    private readonly HashSet<Node> _values;
    private readonly Dictionary<int, Node> _inputs = [];

    private Simplification(byte[] reads)
    {
        var count = reads.Length;
        _reads = reads;
        _nodes = new List<Node>(count);
        _values = new HashSet<Node>(count, ValueComparer.Instance);
        _kept = new Node?[count];
        IndexCount = count;
    }

    /// <summary>The nodes that are left, in an order in which inputs come first.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>All indices are below.</summary>
    public int IndexCount { get; private set; }

    public Node[] Outputs { get; private set; } = [];

    public Readers Readers { get; private set; } = null!;

    /// <param name="nodes">The graph.</param>
    /// <param name="outputs">What the plan gives.</param>
    /// <param name="boundary">Nodes that are not computed but bound, with their slots.</param>
    public static Simplification Of(IReadOnlyList<Node> nodes, IReadOnlyList<Node> outputs, IReadOnlyDictionary<Node, int> boundary, CancellationToken cancellation)
    {
        var simple = new Simplification(Reachability.Of(nodes, outputs, boundary.ContainsKey));
        for (var i = 0; i < nodes.Count; i++)
        {
            if ((i & 1023) == 0)
                cancellation.ThrowIfCancellationRequested();
            if (simple._reads[i] > 0)
                simple._kept[i] = simple.Keep(nodes[i], boundary.TryGetValue(nodes[i], out var slot) ? slot : nodes[i].InputSlot);
        }

        simple.Outputs = [.. outputs.Select(o => simple._kept[o.Index]!)];
        simple.Readers = new Readers(simple._nodes, simple.IndexCount, simple.Outputs);

        // A product that is computed transposed, and what changed nothing, may have lost their readers.
        simple._nodes.RemoveAll(n => simple.Readers.LastOf(n) == 0);
        return simple;
    }

    private Node Keep(Node node, int slot)
    {
        if (slot >= 0)
        {
            if (!_inputs.TryGetValue(slot, out var bound))
                _inputs[slot] = bound = Append(node.InputSlot == slot ? node : node.With(null, [], slot));
            return bound;
        }

        if (node.Op is null)
            return node.Constant!.ByteCount > MaxComparedConstant ? Append(node) : Number(node);
        var inputs = KeptInputs(node);
        if (node.Payload is not null)
            return Append(inputs == node.Inputs ? node : node.With(node.Op, inputs, node.Payload));
        return Shortened(node, inputs) ?? Transposed(node, inputs) ?? Number(inputs == node.Inputs ? node : node.With(node.Op, inputs));
    }

    /// <summary>
    /// What the node's inputs have become: its own array when all are as they were. A view looks at the elements of its first
    /// input alone; the others have told their values when the graph was built.
    /// </summary>
    private Node[] KeptInputs(Node node)
    {
        var data = Reachability.DataInputs(node);
        var same = data.Length == node.Inputs.Length;
        for (var i = 0; same && i < data.Length; i++)
            same = _kept[data[i].Index] == data[i];
        if (same)
            return node.Inputs;
        var inputs = new Node[data.Length];
        for (var i = 0; i < inputs.Length; i++)
            inputs[i] = _kept[data[i].Index]!;
        return inputs;
    }

    /// <summary>The input that the node equals bit by bit, or null.</summary>
    private static Node? Shortened(Node node, Node[] inputs) => node.Op switch
    {
        MulOp when IsScalar(inputs[1], 1) => Same(node, inputs[0]),
        MulOp when IsScalar(inputs[0], 1) => Same(node, inputs[1]),
        DivOp when IsScalar(inputs[1], 1) => Same(node, inputs[0]),
        SubOp when IsScalar(inputs[1], 0.0) => Same(node, inputs[0]),
        AddOp when IsScalar(inputs[1], -0.0) => Same(node, inputs[0]),
        NegOp when inputs[0].Op is NegOp => inputs[0].Inputs[0],
        _ => null,
    };

    private static Node? Same(Node node, Node input) => input.Type == node.Type ? input : null;

    /// <summary>Whether the node is a constant of one element with exactly these bits: −0 is not 0.</summary>
    private static bool IsScalar(Node node, double value) => node.Constant is { Shape.ElementCount: 1 } constant && constant.DataType switch
    {
        DataType.Float32 => BitConverter.SingleToUInt32Bits(constant.As<float>()[0]) == BitConverter.SingleToUInt32Bits((float)value),
        DataType.Float64 => BitConverter.DoubleToUInt64Bits(constant.As<double>()[0]) == BitConverter.DoubleToUInt64Bits(value),
        _ => false,
    };

    /// <summary>
    /// (A · B)ᵀ = Bᵀ · Aᵀ, element by element the same sum of the same products in the same order: nothing has to be copied where
    /// the transpose is wanted row by row, as the gradient of a transposed weight is. Not for a single element, whose sum follows
    /// the strides of its first factor.
    /// </summary>
    private Node? Transposed(Node node, Node[] inputs)
    {
        var product = inputs[0];
        if (node.Op is not TransposeOp || product.Op is not MatrixProductOp || _reads[node.Inputs[0].Index] != 1 || node.Shape[-1] * node.Shape[-2] <= 1 || !TransposeOp.SwapsLast(node))
            return null;
        return Number(new Node(node.Builder, node.Index, product.Op, [Swapped(product.Inputs[1]), Swapped(product.Inputs[0])], product.Attributes, node.Type, null, product.Origin));
    }

    private Node Swapped(Node node)
    {
        if (node.Op is TransposeOp && TransposeOp.SwapsLast(node))
            return node.Inputs[0];
        var perm = Enumerable.Range(0, node.Shape.Rank).Select(d => (long)d).ToArray();
        (perm[^1], perm[^2]) = (perm[^2], perm[^1]);
        var type = new NodeType(node.DataType, new Shape(Array.ConvertAll(perm, p => node.Shape[(int)p])));
        return Number(new Node(node.Builder, IndexCount++, TransposeOp.Instance, [node], Attributes.Of(("perm", perm)), type, null, node.Origin));
    }

    /// <summary>The node of this value: one that is there already, or this one.</summary>
    private Node Number(Node node)
    {
        if (_values.Add(node))
            return Append(node);
        _values.TryGetValue(node, out var same);
        return same!;
    }

    private Node Append(Node node)
    {
        _nodes.Add(node);
        return node;
    }

    /// <summary>What tells values apart: op, inputs, attributes and type; of a constant its elements.</summary>
    private sealed class ValueComparer : IEqualityComparer<Node>
    {
        public static readonly ValueComparer Instance = new();

        public bool Equals(Node? x, Node? y) =>
            x!.Op == y!.Op && x.Inputs.AsSpan().SequenceEqual(y.Inputs) && x.DataType == y.DataType && x.Shape.Equals(y.Shape) && x.Attributes.Equals(y.Attributes) && Equals(x.Constant, y.Constant);

        public int GetHashCode(Node node)
        {
            var hash = new HashCode();
            hash.Add(node.Op);
            hash.Add(node.Attributes);
            hash.Add(node.Constant);
            foreach (var input in node.Inputs)
                hash.Add(input.Index);
            return hash.ToHashCode();
        }
    }
}
