using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Lowers neighbouring elementwise nodes as one: to a chain, or to the product before them with the chain on its blocks. A
/// group is a run of consecutive executing nodes of one shape in graph order; a node joins unless it reads a member through a
/// view. So everything a group reads from outside is computed before its first member, and no order needs to be changed.
/// </summary>
internal sealed class GroupLowering(PlanDraft draft, Readers readers, int indices, bool fusion)
{
    private const int MaxMembers = 64;

    /// <summary>So many inputs of a group are asked whether an output may take their place: the cost stays linear.</summary>
    private const int MaxTakeovers = 16;

    private readonly List<Node> _members = [];
    private readonly FusedGroup _group = new(indices);
    private readonly Dictionary<int, (int Instruction, Node Node)> _products = [];

    /// <summary>The first member of the open group, null when none is open.</summary>
    public Node? First => _members.Count > 0 ? _members[0] : null;

    /// <summary>Whether the node can join the open group.</summary>
    public bool Takes(Node node) => fusion && _members.Count is > 0 and < MaxMembers && _members[0].Shape.Equals(node.Shape);

    public void Add(Node node) => _members.Add(node);

    /// <summary>Notes a product whose blocks a chain may run on.</summary>
    /// <param name="instruction">Its position.</param>
    public void AddProduct(Node product, int instruction) => _products[draft[product].Storage] = (instruction, product);

    /// <summary>Lowers the open group and closes it.</summary>
    public void Close()
    {
        if (_members.Count > 0)
            Lower();
        _members.Clear();
    }

    private void Lower()
    {
        var kernel = _group.Build(_members, readers, draft);
        long bytes = 0;
        var inputs = new Operand[_group.External.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            inputs[i] = draft.OperandOf(_group.External[i]);
            bytes += PlanDraft.ByteCount(_group.External[i]);
        }

        var outputs = new Operand[_group.Escaping.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] = draft.AddResult(_group.Escaping[i]);
            bytes += PlanDraft.ByteCount(_group.Escaping[i]);
        }

        if (FindProduct(inputs) is >= 0 and var product)
        {
            LowerBehind(product, kernel, inputs, outputs, bytes);
            return;
        }

        NoteTakeovers(inputs, outputs);
        draft.Emit(kernel, inputs, outputs, [.. _members.Select(Planned)], bytes, _group.Escaping);
    }

    public static PlannedNode Planned(Node node) => new(node.Origin.Position, node.Op!.Name);

    /// <summary>
    /// Joins the group to a product that nothing else reads: the product moves behind what was emitted since, which reads it not,
    /// and is written where the group's own result goes, if the group has read it by then.
    /// </summary>
    /// <param name="external">The product's position among the inputs.</param>
    private void LowerBehind(int external, FusedKernel chain, Operand[] inputs, Operand[] outputs, long bytes)
    {
        var index = _products[inputs[external].Storage].Instruction;
        var product = draft.Instructions[index]!;
        draft.Instructions[index] = null;
        var target = _group.OverwriterOf(external);
        Operand[] allOutputs = target >= 0 ? outputs : [.. outputs, product.Outputs[0]];
        IReadOnlyList<Node> results = target >= 0 ? _group.Escaping : [.. _group.Escaping, _group.External[external]];
        var places = new int[inputs.Length];
        var allInputs = product.Inputs.ToList();
        for (var i = 0; i < inputs.Length; i++)
        {
            places[i] = i == external ? -1 : allInputs.Count;
            if (i != external)
                allInputs.Add(inputs[i]);
        }

        var kernel = new EpilogueKernel((BlockKernel)product.Kernel, chain, places, target >= 0 ? target : outputs.Length);
        draft.Emit(kernel, [.. allInputs], allOutputs, [.. product.Nodes, .. _members.Select(Planned)], product.Bytes + bytes - (2 * PlanDraft.ByteCount(_group.External[external])), results);
    }

    /// <summary>The position of an input that is a product of as many elements, in row-major order, and read by this group alone; or −1.</summary>
    private int FindProduct(Operand[] inputs)
    {
        for (var i = 0; i < inputs.Length && _products.Count > 0; i++)
        {
            if (!_products.TryGetValue(inputs[i].Storage, out var product) || draft.Instructions[product.Instruction] is null)
                continue;
            var layout = draft[_group.External[i]].Layout;
            var count = _group.External[i].Shape.ElementCount;
            if (layout.IsContiguous && layout.Offset == 0 && count == product.Node.Shape.ElementCount && count == _members[0].Shape.ElementCount
                && IsReadOnce(inputs, i) && readers.CountOf(product.Node) == ReadsOf(inputs[i].Storage))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>How many inputs of members lie in the storage.</summary>
    private int ReadsOf(int storage)
    {
        var reads = 0;
        foreach (var member in _members)
        {
            foreach (var input in member.Inputs)
                reads += draft.IsPlaced(input) && draft[input].Storage == storage ? 1 : 0;
        }

        return reads;
    }

    /// <summary>
    /// Notes for each output which inputs' places it may take over where they are read for the last time: values of the arena, or
    /// bound ones if their owner lets it, in row-major order that the group reads in no other way.
    /// </summary>
    private void NoteTakeovers(Operand[] inputs, Operand[] outputs)
    {
        Span<int> candidates = stackalloc int[MaxTakeovers];
        var count = 0;
        for (var i = 0; i < inputs.Length && i < MaxTakeovers; i++)
        {
            if (draft.Storages[inputs[i].Storage].Kind is StorageKind.Arena or StorageKind.Input && inputs[i].ByteOffset == 0 && IsReadOnce(inputs, i))
                candidates[count++] = i;
        }

        for (var o = 0; o < outputs.Length; o++)
        {
            var first = draft.Takeovers.Count;
            foreach (var i in candidates[..count])
            {
                if (_group.MayOverwrite(o, i))
                    draft.Takeovers.Add(inputs[i].Storage);
            }

            var storage = outputs[o].Storage;
            draft.Storages[storage] = draft.Storages[storage] with { FirstTakeover = first, TakeoverCount = draft.Takeovers.Count - first };
        }
    }

    /// <summary>Whether no other input reads the storage.</summary>
    private static bool IsReadOnce(Operand[] inputs, int position)
    {
        for (var i = 0; i < inputs.Length; i++)
        {
            if (i != position && inputs[i].Storage == inputs[position].Storage)
                return false;
        }

        return true;
    }
}
