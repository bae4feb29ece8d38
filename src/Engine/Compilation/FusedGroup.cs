using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Works out what a group reads, what leaves it, and which registers its steps use.</summary>
internal sealed class FusedGroup
{
    private const int MinRowLength = 64;

    private readonly NodeNote[] _notes;
    private readonly List<int> _lastUses = [];
    private readonly List<int> _escapeSteps = [];
    private readonly Stack<int> _free = new();
    private readonly FusedInput[] _inputs;
    private int _registers;

    /// <param name="members">In order, inputs first.</param>
    /// <param name="escapes">By node index, whether a node is used outside its group.</param>
    /// <param name="notes">By node index, all <see cref="NodeNote.None"/>; left so.</param>
    public FusedGroup(List<Node> members, bool[] escapes, NodeNote[] notes, Func<Node, Layout> layoutOf)
    {
        _notes = notes;
        Note(members, escapes);
        var shape = members[0].Shape;
        var layouts = new Layout[External.Count];
        for (var i = 0; i < layouts.Length; i++)
            layouts[i] = layoutOf(External[i]).BroadcastTo(shape);
        var rowLength = RowLength(layouts);
        _inputs = new FusedInput[layouts.Length];
        for (var i = 0; i < layouts.Length; i++)
            _inputs[i] = ReadOf(External[i], layouts[i], rowLength);

        var registerSize = 1;
        var steps = new FusedStep[members.Count];
        for (var step = 0; step < steps.Length; step++)
        {
            var node = members[step];
            var operands = new int[node.Inputs.Length];
            for (var i = 0; i < operands.Length; i++)
            {
                operands[i] = OperandOf(node.Inputs[i]);
                registerSize = Math.Max(registerSize, node.Inputs[i].DataType.Size());
            }

            ref var note = ref notes[node.Index];
            var target = note.Output >= 0 ? -1 - note.Output : note.Register = TakeRegister();
            steps[step] = new FusedStep(((ElementwiseOp)node.Op!).Tile(node), operands, target);
            foreach (var input in node.Inputs)
                Free(ref notes[input.Index], step);
        }

        var byRows = Array.Exists(_inputs, i => i.Mode is ReadMode.Row or ReadMode.RowSplat);
        Kernel = new FusedKernel(shape, byRows ? rowLength : 0, _inputs, steps, [.. Escaping.Select(n => n.DataType.Size())], _registers, registerSize);
        foreach (var node in members)
            notes[node.Index] = NodeNote.None;
        foreach (var node in External)
            notes[node.Index] = NodeNote.None;
    }

    /// <summary>What is read from outside, in the kernel's order of inputs.</summary>
    public List<Node> External { get; } = [];

    /// <summary>Members that are used outside, in the kernel's order of outputs.</summary>
    public List<Node> Escaping { get; } = [];

    public FusedKernel Kernel { get; }

    /// <summary>
    /// An output that may share its place with a direct input: of the same size, and written when the input is read no more.
    /// −1 when there is none.
    /// </summary>
    public int OverwriterOf(int external)
    {
        for (var i = 0; i < Escaping.Count; i++)
        {
            if (MayOverwrite(i, external))
                return i;
        }

        return -1;
    }

    /// <summary>Whether the output may be written to the very memory of the input, if nothing else reads that.</summary>
    public bool MayOverwrite(int output, int external) =>
        _inputs[external].Mode == ReadMode.Direct && Escaping[output].DataType.Size() == External[external].DataType.Size() && _escapeSteps[output] >= _lastUses[external];

    /// <summary>Finds what is read from outside and what leaves, and when each value is read last.</summary>
    private void Note(List<Node> members, bool[] escapes)
    {
        for (var step = 0; step < members.Count; step++)
        {
            var member = members[step];
            foreach (var input in member.Inputs)
            {
                ref var read = ref _notes[input.Index];
                read.LastUse = step;
                if (read.IsMember || read.External >= 0)
                    continue;
                read.External = External.Count;
                External.Add(input);
            }

            ref var note = ref _notes[member.Index];
            note.IsMember = true;
            if (escapes[member.Index])
            {
                note.Output = Escaping.Count;
                Escaping.Add(member);
                _escapeSteps.Add(step);
            }
        }

        foreach (var node in External)
            _lastUses.Add(_notes[node.Index].LastUse);
    }

    /// <summary>Gives the register of a member back behind the step that reads it last.</summary>
    private void Free(ref NodeNote note, int step)
    {
        if (note.LastUse != step || note.Register < 0)
            return;
        _free.Push(note.Register);
        note.Register = -1;
    }

    private int OperandOf(Node node)
    {
        var note = _notes[node.Index];
        if (note.External >= 0)
            return _inputs[note.External].Mode is ReadMode.Direct or ReadMode.Row ? -1 - note.External : _inputs[note.External].Register;
        return note.Output >= 0 ? -1 - (_inputs.Length + note.Output) : note.Register;
    }

    /// <summary>
    /// The longest run of trailing dimensions, as one length, in which every operand either lies side by side or stays at one
    /// element; operands whose last dimension does neither do not count. 0 when rows are too short to be worth it.
    /// </summary>
    private static long RowLength(Layout[] layouts)
    {
        var shape = layouts.Length == 0 ? Shape.Scalar : layouts[0].Shape;
        long length = 1;
        var strided = layouts.Where(l => !l.IsContiguous && (IsRun(l, 1) || IsFlat(l, 1))).ToArray();
        for (var dimensions = 1; dimensions <= shape.Rank; dimensions++)
        {
            if (!strided.All(l => IsRun(l, dimensions) || IsFlat(l, dimensions)))
                break;
            length *= shape[-dimensions];
        }

        return length >= MinRowLength ? length : 0;
    }

    /// <summary>Whether the last so many dimensions are row-major without gaps.</summary>
    private static bool IsRun(Layout layout, int dimensions)
    {
        long expected = 1;
        for (var d = 1; d <= dimensions; d++)
        {
            if (layout.Shape[-d] != 1 && layout.Strides[^d] != expected)
                return false;
            expected *= layout.Shape[-d];
        }

        return true;
    }

    private static bool IsFlat(Layout layout, int dimensions) => !layout.Strides.AsSpan(layout.Strides.Length - dimensions).ContainsAnyExcept(0);

    private FusedInput ReadOf(Node node, Layout layout, long rowLength)
    {
        var dimensions = 0;
        for (long length = 1; rowLength > 0 && length < rowLength; dimensions++)
            length *= layout.Shape[-dimensions - 1];
        var size = node.DataType.Size();
        return layout.IsContiguous ? new FusedInput(ReadMode.Direct, layout, size, -1)
            : node.Shape.ElementCount == 1 ? new FusedInput(ReadMode.Splat, layout, size, TakeRegister())
            : dimensions > 0 && IsRun(layout, dimensions) ? new FusedInput(ReadMode.Row, layout, size, -1)
            : dimensions > 0 && IsFlat(layout, dimensions) ? new FusedInput(ReadMode.RowSplat, layout, size, TakeRegister())
            : new FusedInput(ReadMode.Strided, layout, size, TakeRegister());
    }

    private int TakeRegister() => _free.TryPop(out var register) ? register : _registers++;
}

/// <summary>What a group notes of a node while it is made.</summary>
internal struct NodeNote
{
    public static readonly NodeNote None = new() { External = -1, Output = -1, Register = -1, LastUse = -1 };

    public bool IsMember;

    /// <summary>Its position among what is read from outside, or −1.</summary>
    public int External;

    /// <summary>Its position among what leaves the group, or −1.</summary>
    public int Output;

    /// <summary>Where its tile is now, or −1.</summary>
    public int Register;

    /// <summary>The step that reads it last.</summary>
    public int LastUse;
}
