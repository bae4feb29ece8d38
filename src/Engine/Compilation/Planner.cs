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
    private readonly GroupLowering _group;
    private readonly Dictionary<CalloutCall, List<Node>> _callouts = [];
    private readonly bool _fusion;
    private readonly int _forwardNodes;
    private int _forwardInstructions;

    private Planner(Simplification graph, bool fusion, int forwardNodes)
    {
        _order = graph.Nodes;
        _draft = new PlanDraft(graph.IndexCount);
        _group = new GroupLowering(_draft, graph.Readers, graph.IndexCount, fusion);
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

        foreach (var node in _order)
        {
            switch (node.Op)
            {
                case null:
                    _draft.AddSource(node);
                    break;
                case ViewOp view:
                    // What has no place yet is a member: a view of it closes the group, a view of anything else does not touch it.
                    if (!_draft.IsPlaced(node.Inputs[0]))
                        CloseGroup();
                    LowerView(view, node);
                    break;
                case KernelOp op:
                    CloseGroup();
                    LowerKernel(op, node);
                    break;
                case CalloutOp:
                    CloseGroup();
                    LowerCallout(node);
                    break;
                default:
                    if (!_group.Takes(node))
                        CloseGroup();
                    _group.Add(node);
                    break;
            }

            if ((node.Index & 1023) == 0)
                cancellation.ThrowIfCancellationRequested();
        }

        CloseGroup();
    }

    private void CloseGroup()
    {
        if (_group.First is not { } first)
            return;
        _group.Close();
        MarkForward(first);
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
            _group.AddProduct(node, _draft.Instructions.Count);
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
