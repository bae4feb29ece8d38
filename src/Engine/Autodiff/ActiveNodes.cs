using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Autodiff;

/// <summary>
/// The nodes on differentiable paths from wrt to the roots, with the cotangents that they have collected. Costs as much as
/// what the roots depend on behind the first node of wrt, not as the graph: many small gradients in one graph stay linear.
/// </summary>
internal sealed class ActiveNodes
{
    private readonly Dictionary<int, Slot> _slots = [];
    private readonly List<int> _order = [];

    public ActiveNodes(GraphBuilder builder, IReadOnlyList<Node> roots, IReadOnlyList<Node> wrt)
    {
        var first = int.MaxValue;
        foreach (var node in wrt)
        {
            if (!node.DataType.IsFloating())
                throw builder.Locate(GradientsException.Invalid(ErrorReasons.NotDifferentiableType, $"A {node.DataType.Name()} value has no gradient; only float32 and float64 have."), node.Origin.Op is { Length: > 0 } op ? op : "Input");
            first = Math.Min(first, node.Index);
        }

        Collect(roots, first);
        _order.Sort();
        foreach (var node in wrt)
        {
            ref var slot = ref CollectionsMarshal.GetValueRefOrNullRef(_slots, node.Index);
            if (!Unsafe.IsNullRef(ref slot))
                slot.Active = slot.Wanted = true;
        }

        foreach (var index in _order)
        {
            ref var slot = ref CollectionsMarshal.GetValueRefOrNullRef(_slots, index);
            slot.Active |= builder.Nodes[index].Op is not null && DependsOnActive(builder.Nodes[index]);
        }
    }

    /// <summary>Indices of the nodes that the roots depend on, increasing.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <summary>Whether a cotangent of the node flows on to something in wrt.</summary>
    public bool Contains(Node node) => _slots.TryGetValue(node.Index, out var slot) && slot.Active;

    /// <summary>What the node has collected, null when nothing.</summary>
    public Node? CotangentOf(Node node) => _slots.TryGetValue(node.Index, out var slot) ? slot.Cotangent : null;

    /// <summary>Adds to the cotangent of an active node.</summary>
    public void Accumulate(Node node, Node contribution)
    {
        ref var slot = ref CollectionsMarshal.GetValueRefOrNullRef(_slots, node.Index);
        slot.Cotangent = slot.Cotangent is null ? contribution : slot.Cotangent + contribution;
    }

    /// <summary>Forgets a cotangent that nobody reads any more, unless it was asked for.</summary>
    public void Drop(Node node)
    {
        ref var slot = ref CollectionsMarshal.GetValueRefOrNullRef(_slots, node.Index);
        if (!slot.Wanted)
            slot.Cotangent = null;
    }

    /// <summary>Floating nodes from index <paramref name="first"/> on from which a path without blocked inputs leads to a root.</summary>
    private void Collect(IReadOnlyList<Node> roots, int first)
    {
        var stack = new Stack<Node>(roots);
        while (stack.TryPop(out var node))
        {
            if (node.Index < first || !node.DataType.IsFloating() || !_slots.TryAdd(node.Index, default))
                continue;
            _order.Add(node.Index);
            if (node.Op is null)
                continue;
            for (var i = 0; i < node.Inputs.Length; i++)
            {
                if (!IsBlocked(node, i))
                    stack.Push(node.Inputs[i]);
            }
        }
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
        public bool Active;
        public bool Wanted;
    }
}
