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
    /// <summary>So many inputs of a group are asked whether an output may take their place: the cost stays linear.</summary>
    private const int MaxOverwritable = 16;

    private readonly IReadOnlyList<Node> _nodes;
    private readonly IReadOnlyList<NodeType> _inputs;
    private readonly List<Instruction?> _instructions = [];
    private readonly Dictionary<int, int> _products = [];
    private readonly Dictionary<CalloutCall, List<Node>> _callouts = [];
    private readonly int[] _uses;
    private readonly Node[] _bases;
    private readonly bool _fusion;
    private readonly List<StorageDraft> _storages = [];
    private readonly List<ConstantData> _constants = [];
    private readonly (int Storage, Layout Layout)[] _places;
    private readonly Dictionary<int, int> _inputStorages = [];
    private readonly Dictionary<Shape, Layout> _rowMajor = [];
    private readonly Dictionary<int, int[]> _overwritable = [];
    private readonly NodeNote[] _notes;
    private readonly int _forwardNodes;
    private int _forwardInstructions;

    private Planner(IReadOnlyList<Node> nodes, IReadOnlyList<NodeType> inputs, bool fusion, int forwardNodes)
    {
        _fusion = fusion;
        _forwardNodes = forwardNodes;
        _nodes = nodes;
        _inputs = inputs;
        _places = new (int, Layout)[nodes.Count];
        _uses = new int[nodes.Count];
        _bases = new Node[nodes.Count];
        _notes = new NodeNote[nodes.Count];
        Array.Fill(_notes, NodeNote.None);
    }

    /// <summary>Makes the plan that computes the outputs.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="outputs">Nodes whose values leave the plan, each in a buffer of its own.</param>
    /// <param name="inputs">The types of all bound values, by slot.</param>
    /// <param name="boundary">Nodes that are not computed but bound, with their slots.</param>
    /// <param name="forwardNodes">Nodes behind this many are the gradient's.</param>
    public static Plan Compile(GraphBuilder builder, IReadOnlyList<Node> outputs, IReadOnlyList<NodeType> inputs, IReadOnlyDictionary<Node, int> boundary, bool fusion, int forwardNodes)
    {
        var graph = Simplification.Of(builder.Nodes, outputs, boundary, forwardNodes, builder.Cancellation);
        var planner = new Planner(graph.Nodes, inputs, fusion, graph.ForwardNodes);
        planner.Lower(planner.Reachable(graph.Outputs), graph.Outputs, builder.Cancellation);
        return planner.Finish(graph.Outputs);
    }

    /// <summary>The inputs whose elements a node reads; a view reads only what it looks at.</summary>
    public static ReadOnlySpan<Node> DataInputs(Node node) => node.Op is ViewOp ? node.Inputs.AsSpan(0, 1) : node.Inputs;

    private List<Node> Reachable(Node[] outputs)
    {
        var needed = Simplification.Needed(_nodes.Count, outputs, _ => false);
        var order = new List<Node>();
        for (var i = 0; i < needed.Length; i++)
        {
            if (needed[i])
                order.Add(_nodes[i]);
        }

        return order;
    }

    private void Lower(List<Node> order, Node[] outputs, CancellationToken cancellation)
    {
        var groups = new FusionGroups(order, _nodes.Count, _fusion);
        var escapes = new bool[_nodes.Count];
        foreach (var node in outputs)
            escapes[node.Index] = true;
        foreach (var node in order)
        {
            foreach (var input in DataInputs(node))
                escapes[input.Index] |= groups[node] < 0 || groups[node] != groups[input];
            CountUses(node);
            if (node.Payload is CalloutValue value && !_callouts.TryAdd(value.Call, [node]))
                _callouts[value.Call].Add(node);
        }

        foreach (var node in outputs)
            _uses[_bases[node.Index].Index] = int.MaxValue / 2;

        var members = new List<Node>();
        foreach (var node in order)
        {
            if (node.Op is null)
            {
                _places[node.Index] = (SourceStorage(node), RowMajor(node.Shape));
                continue;
            }

            if (members.Count > 0 && node.Op is not ViewOp && groups[node] != groups[members[0]])
                EmitGroup(members, escapes);
            switch (node.Op)
            {
                case ViewOp view:
                    // A view of a member closed the group; a view of anything else does not touch it.
                    if (members.Count > 0 && members.Contains(node.Inputs[0]))
                        EmitGroup(members, escapes);
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
            EmitGroup(members, escapes);
    }

    private int SourceStorage(Node node)
    {
        if (node.Constant is { } constant)
        {
            _constants.Add(constant);
            return AddStorage(StorageKind.Constant, _constants.Count - 1, constant.ByteCount);
        }

        var slot = node.InputSlot;
        if (!_inputStorages.TryGetValue(slot, out var storage))
            _inputStorages[slot] = storage = AddStorage(StorageKind.Input, slot, 0);
        return storage;
    }

    private void LowerView(ViewOp op, Node node)
    {
        var (storage, layout) = _places[node.Inputs[0].Index];
        var view = op.View(node, layout);
        if (view is null)
        {
            (storage, layout) = EmitCopy(node.Inputs[0]);
            view = op.View(node, layout) ?? throw new InvalidOperationException($"{op.Name} has no view of a row-major input.");
        }

        _places[node.Index] = (storage, view);
    }

    private void LowerKernel(KernelOp op, Node node)
    {
        var operands = Operands(node, (i, layout) => op.Accepts(node, i, layout), out var layouts);
        var bytes = ByteCount(node) + node.Inputs.Sum(ByteCount);
        var output = AddArena(node);
        _places[node.Index] = (output, RowMajor(node.Shape));
        var kernel = op.CreateKernel(node, layouts);
        if (kernel is BlockKernel && _fusion)
            _products[output] = _instructions.Count;
        Emit(kernel, operands, [new Operand(output, 0)], [Planned(node)], bytes, [node]);
        MarkForward(node);
    }

    /// <summary>One instruction for all values of the call that something reads, where the first of them stands.</summary>
    private void LowerCallout(Node node)
    {
        if (!_callouts.Remove(((CalloutValue)node.Payload!).Call, out var values))
            return;
        var operands = Operands(node, (_, layout) => layout.IsContiguous, out _);
        var outputs = new Operand[values.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] = new Operand(AddArena(values[i]), 0);
            _places[values[i].Index] = (outputs[i].Storage, RowMajor(values[i].Shape));
        }

        Emit(new CalloutKernel([.. values.Select(v => (CalloutValue)v.Payload!)]), operands, outputs, [Planned(node)], node.Inputs.Sum(ByteCount) + values.Sum(ByteCount), values);
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
            var (storage, layout) = _places[input.Index];
            if (!accepts(i, layout))
                (storage, layout) = EmitCopy(input);
            operands[i] = new Operand(storage, layout.Offset * input.DataType.Size());
            layouts[i] = layout;
        }

        return operands;
    }

    private (int Storage, Layout Layout) EmitCopy(Node node)
    {
        var (storage, layout) = _places[node.Index];
        var target = AddArena(node);
        Emit(new CopyKernel(layout, node.DataType.Size()), [new Operand(storage, layout.Offset * node.DataType.Size())], [new Operand(target, 0)], [new PlannedNode(node.Origin.Position, "Copy")], 2 * ByteCount(node), [node]);
        return (target, RowMajor(node.Shape));
    }

    /// <summary>Emits the open group and empties it.</summary>
    private void EmitGroup(List<Node> members, bool[] escapes)
    {
        var draft = new FusedGroup(members, escapes, _notes, n => _places[n.Index].Layout);
        long bytes = 0;
        var inputs = new Operand[draft.External.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            var node = draft.External[i];
            inputs[i] = new Operand(_places[node.Index].Storage, _places[node.Index].Layout.Offset * node.DataType.Size());
            bytes += ByteCount(node);
        }

        var outputs = new Operand[draft.Escaping.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            var node = draft.Escaping[i];
            var storage = AddArena(node);
            _places[node.Index] = (storage, RowMajor(node.Shape));
            outputs[i] = new Operand(storage, 0);
            bytes += ByteCount(node);
        }

        if (!TryEmitEpilogue(draft, members, inputs, outputs, bytes))
        {
            NoteOverwritable(draft, inputs, outputs);
            Emit(draft.Kernel, inputs, outputs, [.. members.Select(Planned)], bytes, draft.Escaping);
        }

        MarkForward(members[0]);
        members.Clear();
    }

    /// <summary>
    /// Joins the group to a product that nothing else reads: the product moves behind what was emitted since, which reads it not,
    /// and is written where the group's own result goes, if the group has read it by then.
    /// </summary>
    private bool TryEmitEpilogue(FusedGroup draft, List<Node> members, Operand[] inputs, Operand[] outputs, long bytes)
    {
        var external = 0;
        while (external < inputs.Length && !IsOwnProduct(draft, members, inputs, external))
            external++;
        if (external == inputs.Length)
            return false;
        var index = _products[inputs[external].Storage];
        var product = _instructions[index]!;
        _instructions[index] = null;
        var target = draft.OverwriterOf(external);
        Operand[] allOutputs = target >= 0 ? outputs : [.. outputs, product.Outputs[0]];
        IReadOnlyList<Node> results = target >= 0 ? draft.Escaping : [.. draft.Escaping, draft.External[external]];
        var places = new int[inputs.Length];
        var allInputs = product.Inputs.ToList();
        for (var i = 0; i < inputs.Length; i++)
        {
            places[i] = i == external ? -1 : allInputs.Count;
            if (i != external)
                allInputs.Add(inputs[i]);
        }

        var kernel = new EpilogueKernel((BlockKernel)product.Kernel, draft.Kernel, places, target >= 0 ? target : outputs.Length);
        Emit(kernel, [.. allInputs], allOutputs, [.. product.Nodes, .. members.Select(Planned)], product.Bytes + bytes - (2 * ByteCount(draft.External[external])), results);
        return true;
    }

    /// <summary>
    /// Notes for each output which inputs' places it may take over where they are read for the last time: values of the arena
    /// in row-major order that the group reads in no other way.
    /// </summary>
    private void NoteOverwritable(FusedGroup draft, Operand[] inputs, Operand[] outputs)
    {
        for (var o = 0; o < outputs.Length; o++)
        {
            List<int>? places = null;
            for (var i = 0; i < inputs.Length && i < MaxOverwritable; i++)
            {
                var storage = inputs[i].Storage;
                if (_storages[storage].Kind == StorageKind.Arena && inputs[i].ByteOffset == 0 && draft.MayOverwrite(o, i) && Array.FindAll(inputs, x => x.Storage == storage).Length == 1)
                    (places ??= []).Add(storage);
            }

            if (places is not null)
                _overwritable[outputs[o].Storage] = [.. places];
        }
    }

    private bool IsOwnProduct(FusedGroup draft, List<Node> members, Operand[] inputs, int external)
    {
        var node = draft.External[external];
        if (!_products.TryGetValue(inputs[external].Storage, out var index) || _instructions[index] is null)
            return false;
        var layout = _places[node.Index].Layout;
        var source = _bases[node.Index];
        return layout.IsContiguous && layout.Offset == 0
            && node.Shape.ElementCount == source.Shape.ElementCount && node.Shape.ElementCount == members[0].Shape.ElementCount
            && inputs.Count(i => i.Storage == inputs[external].Storage) == 1
            && _uses[source.Index] == members.Sum(m => m.Inputs.Count(i => _bases[i.Index] == source));
    }

    /// <summary>Counts what is read to the node whose elements are looked at, and finds that node for a view.</summary>
    private void CountUses(Node node)
    {
        _bases[node.Index] = node.Op is ViewOp ? _bases[node.Inputs[0].Index] : node;
        if (node.Op is ViewOp)
            return;
        foreach (var input in node.Inputs)
            _uses[_bases[input.Index].Index]++;
    }

    private void MarkForward(Node node)
    {
        if (node.Index < _forwardNodes)
            _forwardInstructions = _instructions.Count;
    }

    private void Emit(Kernel kernel, Operand[] inputs, Operand[] outputs, PlannedNode[] nodes, long bytes, IReadOnlyList<Node> results) =>
        _instructions.Add(new Instruction(kernel, inputs, outputs, 0, nodes, bytes, [.. results.Select(r => (r.DataType, r.Shape.ElementCount))]));

    private int AddArena(Node node) => AddStorage(StorageKind.Arena, 0, ByteCount(node));

    private int AddStorage(StorageKind kind, int index, long bytes)
    {
        _storages.Add(new StorageDraft(kind, index, bytes));
        return _storages.Count - 1;
    }

    private Plan Finish(Node[] outputs)
    {
        for (var i = 0; i < outputs.Length; i++)
        {
            var (storage, layout) = _places[outputs[i].Index];
            if (_storages[storage].Kind != StorageKind.Arena || !layout.IsContiguous || layout.Offset != 0 || _storages[storage].Bytes != ByteCount(outputs[i]))
                storage = EmitCopy(outputs[i]).Storage;
            _storages[storage] = _storages[storage] with { Kind = StorageKind.Output, Index = i };
        }

        _forwardInstructions -= _instructions.Take(_forwardInstructions).Count(i => i is null);
        _instructions.RemoveAll(i => i is null);
        var arena = PlaceTemporaries();
        return new Plan(
            [.. _instructions.Select(i => i!)],
            [.. _storages.Select(s => new Storage(s.Kind, s.Index, s.Offset))],
            [.. _inputs],
            [.. _constants],
            [.. outputs.Select(o => new PlanOutput(o.DataType, o.Shape))],
            arena.ArenaBytes,
            arena.PeakLiveBytes,
            _forwardInstructions);
    }

    private ArenaPlan PlaceTemporaries()
    {
        var arena = new ArenaPlan();
        var lastUse = new int[_storages.Count];
        Array.Fill(lastUse, -1);
        for (var i = 0; i < _instructions.Count; i++)
        {
            foreach (var operand in _instructions[i]!.Inputs)
                lastUse[operand.Storage] = i;
            foreach (var operand in _instructions[i]!.Outputs)
                lastUse[operand.Storage] = Math.Max(lastUse[operand.Storage], i);
        }

        // For each instruction the storages that it uses last, as lists through the storages. Nothing writes the place of a
        // product that became part of a chain.
        var dying = new int[_instructions.Count];
        var next = new int[_storages.Count];
        var taken = new bool[_storages.Count];
        Array.Fill(dying, -1);
        for (var s = _storages.Count - 1; s >= 0; s--)
        {
            if (_storages[s].Kind == StorageKind.Arena && lastUse[s] >= 0)
                (next[s], dying[lastUse[s]]) = (dying[lastUse[s]], s);
        }

        for (var i = 0; i < _instructions.Count; i++)
        {
            var instruction = _instructions[i]!;
            foreach (var operand in instruction.Outputs)
            {
                var draft = _storages[operand.Storage];
                if (draft.Kind != StorageKind.Arena)
                    continue;
                var place = _overwritable.TryGetValue(operand.Storage, out var places)
                    ? Array.FindIndex(places, p => lastUse[p] == i && !taken[p] && _storages[p].Kind == StorageKind.Arena && _storages[p].Bytes == draft.Bytes)
                    : -1;
                if (place >= 0)
                    taken[places![place]] = true;
                _storages[operand.Storage] = draft with { Offset = place >= 0 ? _storages[places![place]].Offset : arena.Take(draft.Bytes) };
            }

            long workspace = instruction.Kernel.WorkspaceBytes, shared = instruction.Kernel.SharedBytes;
            if (workspace > 0 || shared > 0)
            {
                var placed = instruction with { WorkspaceOffset = arena.Take(workspace), SharedOffset = arena.Take(shared) };
                arena.Give(placed.WorkspaceOffset, workspace);
                arena.Give(placed.SharedOffset, shared);
                _instructions[i] = placed;
            }

            for (var s = dying[i]; s >= 0; s = next[s])
            {
                if (!taken[s])
                    arena.Give(_storages[s].Offset, _storages[s].Bytes);
            }
        }

        return arena;
    }

    private Layout RowMajor(Shape shape)
    {
        if (!_rowMajor.TryGetValue(shape, out var layout))
            _rowMajor[shape] = layout = Layout.RowMajor(shape);
        return layout;
    }

    private static PlannedNode Planned(Node node) => new(node.Origin.Position, node.Op!.Name);

    private static long ByteCount(Node node) => node.Shape.ElementCount * node.DataType.Size();

    private readonly record struct StorageDraft(StorageKind Kind, int Index, long Bytes, long Offset = 0);
}
