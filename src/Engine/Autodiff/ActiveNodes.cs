using System.Buffers;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Autodiff;

/// <summary>
/// The nodes on differentiable paths from wrt to the roots, with the cotangents that they have collected. Costs as much as
/// what the roots depend on behind the first node of wrt, not as the graph: many small gradients in one graph stay linear.
/// </summary>
internal sealed class ActiveNodes : IDisposable
{
    private readonly GraphBuilder _builder;

    // By index of a node the position of its slot, true where that slot is the node's. Never cleared, so that a gradient
    // costs nothing for the nodes that it does not reach.
    private readonly int[] _positions;
    private readonly Slot[] _slots;

    public ActiveNodes(GraphBuilder builder, IReadOnlyList<Node> roots, IReadOnlyList<Node> wrt)
    {
        _builder = builder;
        var first = int.MaxValue;
        foreach (var node in wrt)
        {
            if (!node.DataType.IsFloating())
                throw builder.Locate(GradientsException.Invalid(ErrorReasons.NotDifferentiableType, $"A {node.DataType.Name()} value has no gradient; only float32 and float64 have."), node.Origin.Op is { Length: > 0 } op ? op : "Input");
            first = Math.Min(first, node.Index);
        }

        _positions = ArrayPool<int>.Shared.Rent(builder.Nodes.Count);
        _slots = Collect(roots, first);
        foreach (var node in wrt)
        {
            if (Find(node) is >= 0 and var position)
                _slots[position].Active = _slots[position].Wanted = true;
        }

        for (var i = 0; i < _slots.Length; i++)
            _slots[i].Active |= this[i].Op is not null && DependsOnActive(this[i]);
    }

    /// <summary>How many nodes the roots depend on.</summary>
    public int Count => _slots.Length;

    /// <summary>They in the graph's order.</summary>
    public Node this[int position] => _builder.Nodes[_slots[position].Index];

    /// <summary>Whether a cotangent of the node flows on to something in wrt.</summary>
    public bool Contains(Node node) => Find(node) is >= 0 and var position && _slots[position].Active;

    /// <summary>What the node has collected, null when nothing.</summary>
    public Node? CotangentOf(Node node) => Find(node) is >= 0 and var position ? _slots[position].Cotangent : null;

    /// <summary>Adds to the cotangent of an active node.</summary>
    public void Accumulate(Node node, Node contribution)
    {
        ref var slot = ref _slots[Find(node)];
        slot.Cotangent = slot.Cotangent is null ? contribution : slot.Cotangent + contribution;
    }

    /// <summary>Forgets a cotangent that nobody reads any more, unless it was asked for.</summary>
    public void Drop(Node node)
    {
        ref var slot = ref _slots[Find(node)];
        if (!slot.Wanted)
            slot.Cotangent = null;
    }

    public void Dispose() => ArrayPool<int>.Shared.Return(_positions);

    /// <summary>Floating nodes from index <paramref name="first"/> on from which a path without blocked inputs leads to a root, in the graph's order.</summary>
    private Slot[] Collect(IReadOnlyList<Node> roots, int first)
    {
        var found = new List<int>();
        var stack = new Stack<Node>();
        foreach (var root in roots)
            Enter(root);
        while (stack.TryPop(out var node))
        {
            for (var i = 0; i < node.Inputs.Length; i++)
            {
                if (!IsBlocked(node, i))
                    Enter(node.Inputs[i]);
            }
        }

        found.Sort();
        var slots = new Slot[found.Count];
        for (var i = 0; i < slots.Length; i++)
        {
            slots[i].Index = found[i];
            _positions[found[i]] = i;
        }

        return slots;

        void Enter(Node node)
        {
            ref var position = ref _positions[node.Index];
            if (node.Index < first || !node.DataType.IsFloating() || ((uint)position < (uint)found.Count && found[position] == node.Index))
                return;
            position = found.Count;
            found.Add(node.Index);
            if (node.Op is not null)
                stack.Push(node);
        }
    }

    private int Find(Node node)
    {
        var position = _positions[node.Index];
        return (uint)position < (uint)_slots.Length && _slots[position].Index == node.Index ? position : -1;
    }

    private bool DependsOnActive(Node node)
    {
        for (var i = 0; i < node.Inputs.Length; i++)
        {
            if (!IsBlocked(node, i) && Contains(node.Inputs[i]))
                return true;
        }

        return false;
    }

    private static bool IsBlocked(Node node, int input) => node.Op!.Schema.Input(input)!.Differentiability == Differentiability.Blocked;

    private struct Slot
    {
        public Node? Cotangent;
        public int Index;
        public bool Active;
        public bool Wanted;
    }
}
