using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Where a node's elements lie.</summary>
internal readonly record struct Place(int Storage, Layout Layout);

/// <param name="FirstTakeover">With the count behind it: storages whose place this one may take over, in <see cref="PlanDraft.Takeovers"/>.</param>
internal record struct StorageDraft(StorageKind Kind, int Index, long Bytes, long Offset = 0, int FirstTakeover = 0, int TakeoverCount = 0);

/// <summary>A plan in the making: what runs, in order, and where the values lie.</summary>
/// <param name="indices">All nodes' indices are below.</param>
internal sealed class PlanDraft(int indices)
{
    // By node index the position of its place, counted from 1.
    private readonly int[] _placeOf = new int[indices];
    private readonly List<Place> _places = [];
    private readonly Dictionary<int, int> _inputs = [];
    private readonly Dictionary<Shape, Layout> _rowMajor = [];

    /// <summary>Null where an instruction became part of a later one.</summary>
    public List<Instruction?> Instructions { get; } = [];

    public List<StorageDraft> Storages { get; } = [];

    public List<int> Takeovers { get; } = [];

    public List<ConstantData> Constants { get; } = [];

    public Place this[Node node]
    {
        get => _places[_placeOf[node.Index] - 1];
        set
        {
            _places.Add(value);
            _placeOf[node.Index] = _places.Count;
        }
    }

    /// <summary>Whether it is known where the node's elements lie.</summary>
    public bool IsPlaced(Node node) => _placeOf[node.Index] > 0;

    public static long ByteCount(Node node) => node.Shape.ElementCount * node.DataType.Size();

    public Operand OperandOf(Node node) => OperandOf(node, this[node]);

    public static Operand OperandOf(Node node, Place place) => new(place.Storage, place.Layout.Offset * node.DataType.Size());

    /// <summary>Places a value that is bound or part of the plan.</summary>
    public void AddSource(Node node)
    {
        int storage;
        if (node.Constant is { } constant)
        {
            Constants.Add(constant);
            storage = Add(StorageKind.Constant, Constants.Count - 1, constant.ByteCount);
        }
        else if (!_inputs.TryGetValue(node.InputSlot, out storage))
        {
            _inputs[node.InputSlot] = storage = Add(StorageKind.Input, node.InputSlot, 0);
        }

        this[node] = new Place(storage, RowMajor(node.Shape));
    }

    /// <summary>Makes room in the arena for the node's value, row-major, and says where.</summary>
    public Operand AddResult(Node node)
    {
        var storage = Add(StorageKind.Arena, 0, ByteCount(node));
        this[node] = new Place(storage, RowMajor(node.Shape));
        return new Operand(storage, 0);
    }

    /// <summary>A row-major copy of the node's value, for one reader.</summary>
    public Place Copy(Node node)
    {
        var (source, target) = (this[node], new Place(Add(StorageKind.Arena, 0, ByteCount(node)), RowMajor(node.Shape)));
        var kernel = new CopyKernel(source.Layout, node.DataType.Size());
        Emit(kernel, [OperandOf(node, source)], [new Operand(target.Storage, 0)], [new PlannedNode(node.Origin.Position, "Copy")], 2 * ByteCount(node), [node]);
        return target;
    }

    /// <param name="results">The node of each output.</param>
    public void Emit(Kernel kernel, Operand[] inputs, Operand[] outputs, PlannedNode[] nodes, long bytes, IReadOnlyList<Node> results) =>
        Instructions.Add(new Instruction(kernel, inputs, outputs, 0, nodes, bytes, [.. results.Select(r => (r.DataType, r.Shape.ElementCount))]));

    /// <summary>Gives the outputs buffers of their own and everything else its place in the arena.</summary>
    /// <param name="forwardInstructions">The first so many instructions compute values.</param>
    public Plan Finish(Node[] outputs, IReadOnlyList<NodeType> inputs, int forwardInstructions)
    {
        var targets = new int[outputs.Length];
        for (var i = 0; i < outputs.Length; i++)
        {
            var (storage, layout) = this[outputs[i]];
            if (Storages[storage].Kind != StorageKind.Arena || !layout.IsContiguous || layout.Offset != 0 || Storages[storage].Bytes != ByteCount(outputs[i]))
                storage = Copy(outputs[i]).Storage;
            Storages[storage] = Storages[storage] with { Kind = StorageKind.Output, Index = i };
            targets[i] = storage;
        }

        forwardInstructions -= Instructions.Take(forwardInstructions).Count(i => i is null);
        Instruction[] instructions = [.. Instructions.OfType<Instruction>()];
        var arena = Placement.Of(instructions, Storages, Takeovers);
        return new Plan(
            instructions,
            [.. Storages.Select(s => new Storage(s.Kind, s.Index, s.Offset))],
            [.. inputs],
            [.. Constants],
            [.. outputs.Select(o => new PlanOutput(o.DataType, o.Shape))],
            arena.ArenaBytes,
            arena.PeakLiveBytes,
            forwardInstructions)
        {
            Overwritable = Overwritable(instructions, targets),
        };
    }

    /// <summary>By output the slots of inputs that only the instruction reads that writes the output, and only where it writes.</summary>
    private int[][] Overwritable(Instruction[] instructions, int[] targets)
    {
        var reads = new int[Storages.Count];
        foreach (var instruction in instructions)
        {
            foreach (var operand in instruction.Inputs)
                reads[operand.Storage]++;
        }

        return Array.ConvertAll(targets, target => Takeovers
            .Slice(Storages[target].FirstTakeover, Storages[target].TakeoverCount)
            .Where(taken => Storages[taken].Kind == StorageKind.Input && reads[taken] == 1)
            .Select(taken => Storages[taken].Index)
            .ToArray());
    }

    private int Add(StorageKind kind, int index, long bytes)
    {
        Storages.Add(new StorageDraft(kind, index, bytes));
        return Storages.Count - 1;
    }

    private Layout RowMajor(Shape shape)
    {
        if (!_rowMajor.TryGetValue(shape, out var layout))
            _rowMajor[shape] = layout = Layout.RowMajor(shape);
        return layout;
    }
}
