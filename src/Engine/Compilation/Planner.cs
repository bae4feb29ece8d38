using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Lowers nodes to a plan: they are simplified, what nothing asks for is dropped, views become strides, elementwise runs become fused kernels,
/// chains behind products run on the product's blocks, copies are inserted where a kernel does not take a view, temporaries are placed in one arena by liveness.
/// </summary>
internal sealed class Planner
{
    private readonly IReadOnlyList<Node> _order;
    private readonly PlanDraft _draft;
    private readonly FusionGroups _groups;
    private readonly GroupLowering _grouped;
    private readonly Dictionary<CalloutCall, List<Node>> _callouts = [];
    private readonly bool _fusion;
    private readonly int _forwardNodes;
    private int _forwardInstructions;

    private Planner(Simplification graph, bool fusion, int forwardNodes)
    {
        _order = graph.Nodes;
        _draft = new PlanDraft(graph.IndexCount);
        _groups = new FusionGroups(_order, graph.IndexCount, graph.Outputs, fusion);
        _grouped = new GroupLowering(_draft, _groups, graph.IndexCount);
        _fusion = fusion;
        _forwardNodes = forwardNodes;
    }

    /// <summary>Makes the plan that computes the outputs.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="outputs">Nodes whose values leave the plan, each in a buffer of its own.</param>
    /// <param name="inputs">The types of all bound values, by slot.</param>
    /// <param name="boundary">Nodes that are not computed but bound, with their slots.</param>
    /// <param name="forwardNodes">Nodes behind this many are the gradient's.</param>
    public static Plan Compile(GraphBuilder builder, IReadOnlyList<Node> outputs, IReadOnlyList<NodeType> inputs, IReadOnlyDictionary<Node, int> boundary, bool fusion, int forwardNodes)
    {
        var graph = Simplification.Of(builder.Nodes, outputs, boundary, builder.Cancellation);
        var planner = new Planner(graph, fusion, forwardNodes);
        planner.Lower(builder.Cancellation);
        return planner._draft.Finish(graph.Outputs, inputs, planner._forwardInstructions);
    }

    private void Lower(CancellationToken cancellation)
    {
        foreach (var node in _order)
        {
            if (node.Payload is CalloutValue value && !_callouts.TryAdd(value.Call, [node]))
                _callouts[value.Call].Add(node);
        }

        var members = new List<Node>();
        foreach (var node in _order)
        {
            if (node.Op is null)
            {
                _draft.AddSource(node);
                continue;
            }

            if (members.Count > 0 && node.Op is not ViewOp && _groups[node] != _groups[members[0]])
                LowerGroup(members);
            switch (node.Op)
            {
                case ViewOp view:
                    // A view of a member closed the group; a view of anything else does not touch it.
                    if (members.Count > 0 && members.Contains(node.Inputs[0]))
                        LowerGroup(members);
                    LowerView(view, node);
                    break;
                case KernelOp op:
                    LowerKernel(op, node);
                    break;
                case CalloutOp:
                    LowerCallout(node);
                    break;
                default:
                    members.Add(node);
                    break;
            }

            if ((node.Index & 1023) == 0)
                cancellation.ThrowIfCancellationRequested();
        }

        if (members.Count > 0)
            LowerGroup(members);
    }

    /// <summary>Lowers the open group and empties it.</summary>
    private void LowerGroup(List<Node> members)
    {
        _grouped.Lower(members);
        MarkForward(members[0]);
        members.Clear();
    }

    private void LowerView(ViewOp op, Node node)
    {
        var place = _draft[node.Inputs[0]];
        var view = op.View(node, place.Layout);
        if (view is null)
        {
            place = _draft.Copy(node.Inputs[0]);
            view = op.View(node, place.Layout) ?? throw new InvalidOperationException($"{op.Name} has no view of a row-major input.");
        }

        _draft[node] = place with { Layout = view };
    }

    private void LowerKernel(KernelOp op, Node node)
    {
        var operands = Operands(node, (i, layout) => op.Accepts(node, i, layout), out var layouts);
        var bytes = PlanDraft.ByteCount(node) + node.Inputs.Sum(PlanDraft.ByteCount);
        var output = _draft.AddResult(node);
        var kernel = op.CreateKernel(node, layouts);
        if (kernel is BlockKernel && _fusion)
            _grouped.AddProduct(node, _draft.Instructions.Count);
        _draft.Emit(kernel, operands, [output], [GroupLowering.Planned(node)], bytes, [node]);
        MarkForward(node);
    }

    /// <summary>One instruction for all values of the call that something reads, where the first of them stands.</summary>
    private void LowerCallout(Node node)
    {
        if (!_callouts.Remove(((CalloutValue)node.Payload!).Call, out var values))
            return;
        var operands = Operands(node, (_, layout) => layout.IsContiguous, out _);
        Operand[] outputs = [.. values.Select(_draft.AddResult)];
        _draft.Emit(new CalloutKernel([.. values.Select(v => (CalloutValue)v.Payload!)]), operands, outputs, [GroupLowering.Planned(node)], node.Inputs.Sum(PlanDraft.ByteCount) + values.Sum(PlanDraft.ByteCount), values);
        MarkForward(node);
    }

    /// <summary>Where a node's inputs lie; those under a layout that is not accepted are copied.</summary>
    private Operand[] Operands(Node node, Func<int, Layout, bool> accepts, out Layout[] layouts)
    {
        var operands = new Operand[node.Inputs.Length];
        layouts = new Layout[node.Inputs.Length];
        for (var i = 0; i < operands.Length; i++)
        {
            var input = node.Inputs[i];
            var place = _draft[input];
            if (!accepts(i, place.Layout))
                place = _draft.Copy(input);
            operands[i] = PlanDraft.OperandOf(input, place);
            layouts[i] = place.Layout;
        }

        return operands;
    }

    private void MarkForward(Node node)
    {
        if (node.Index < _forwardNodes)
            _forwardInstructions = _draft.Instructions.Count;
    }
}
