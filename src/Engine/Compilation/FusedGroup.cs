using System.Runtime.InteropServices;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Works out what a group reads, what leaves it, and which registers its steps use. Reusable.</summary>
/// <param name="indices">All nodes' indices are below.</param>
internal sealed class FusedGroup(int indices)
{
    private const int MinRowLength = 64;
    private const int MaxPeriod = 1024;

    // By node index the position of its note, counted from 1; all 0 between two groups.
    private readonly int[] _noteOf = new int[indices];
    private readonly List<NodeNote> _notes = [];
    private readonly List<int> _lastUses = [];
    private readonly List<int> _escapeSteps = [];
    private readonly List<ushort> _operands = [];
    private readonly List<FusedStep> _steps = [];
    private readonly Stack<int> _free = new();
    private FusedInput[] _inputs = [];
    private int _registers;

    /// <summary>What is read from outside, in the kernel's order of inputs.</summary>
    public List<Node> External { get; } = [];

    /// <summary>Members that are used outside, in the kernel's order of outputs.</summary>
    public List<Node> Escaping { get; } = [];

    /// <param name="members">In order, inputs first; whatever reads one of them and is no member has a larger index than the last.</param>
    public FusedKernel Build(List<Node> members, Readers readers, PlanDraft draft)
    {
        Clear();
        Note(members, readers);
        var shape = members[0].Shape;
        var layouts = new Layout[External.Count];
        for (var i = 0; i < layouts.Length; i++)
            layouts[i] = draft[External[i]].Layout.BroadcastTo(shape);
        var rowLength = RowLength(layouts);
        _inputs = new FusedInput[layouts.Length];
        for (var i = 0; i < layouts.Length; i++)
            _inputs[i] = ReadOf(External[i], layouts[i], rowLength);

        var registerSize = 1;
        for (var i = 0; i < members.Count; i++)
        {
            var node = members[i];
            var pair = IsReadNextAlone(members, i) ? ((ElementwiseOp)node.Op!).TileWith(node, members[i + 1]) : null;
            var last = pair is null ? node : members[++i];
            var first = _operands.Count;
            AddOperands(node, null);
            if (pair is not null)
                AddOperands(last, node);
            ref var note = ref NoteOf(last);
            if (note.Output < 0)
                note.Register = TakeRegister();
            _steps.Add(new FusedStep(pair ?? ((ElementwiseOp)node.Op!).Tile(node), pair is null ? 1 : 2, _operands.Count - first, OperandOf(note)));
            Free(node, i);
            Free(last, i);
        }

        var byRows = Array.Exists(_inputs, i => i.Mode is ReadMode.Row or ReadMode.RowSplat);
        return new FusedKernel(shape, byRows ? rowLength : 0, _inputs, [.. _steps], [.. _operands], [.. Escaping.Select(n => n.DataType.Size())], _registers, registerSize);

        void AddOperands(Node node, Node? except)
        {
            foreach (var input in node.Inputs)
            {
                if (input == except)
                    continue;
                _operands.Add(checked((ushort)OperandOf(NoteOf(input))));
                registerSize = Math.Max(registerSize, input.DataType.Size());
            }
        }
    }

    /// <summary>Whether the next member and nothing else reads the value.</summary>
    private bool IsReadNextAlone(List<Node> members, int position) =>
        position + 1 < members.Count && NoteOf(members[position]) is { Output: < 0 } note && note.LastUse == position + 1;

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

    private void Clear()
    {
        foreach (var note in _notes)
            _noteOf[note.Index] = 0;
        _notes.Clear();
        _lastUses.Clear();
        _escapeSteps.Clear();
        _operands.Clear();
        _steps.Clear();
        _free.Clear();
        _registers = 0;
        External.Clear();
        Escaping.Clear();
    }

    /// <summary>Finds what is read from outside and what leaves, and when each value is read last.</summary>
    private void Note(List<Node> members, Readers readers)
    {
        for (var step = 0; step < members.Count; step++)
        {
            var member = members[step];
            foreach (var input in member.Inputs)
            {
                ref var read = ref NoteOf(input);
                read.LastUse = step;
                if (read.IsMember || read.External >= 0)
                    continue;
                read.External = External.Count;
                External.Add(input);
            }

            ref var note = ref NoteOf(member);
            note.IsMember = true;
            if (readers.LastOf(member) > members[^1].Index)
            {
                note.Output = Escaping.Count;
                Escaping.Add(member);
                _escapeSteps.Add(step);
            }
        }

        foreach (var node in External)
            _lastUses.Add(NoteOf(node).LastUse);
    }

    /// <summary>The node's note, valid until another node gets one.</summary>
    private ref NodeNote NoteOf(Node node)
    {
        ref var position = ref _noteOf[node.Index];
        if (position == 0)
        {
            _notes.Add(new NodeNote { Index = node.Index, External = -1, Output = -1, Register = -1, LastUse = -1 });
            position = _notes.Count;
        }

        return ref CollectionsMarshal.AsSpan(_notes)[position - 1];
    }

    /// <summary>Gives the registers of what the node reads back, unless a later member than this position reads them.</summary>
    private void Free(Node node, int position)
    {
        foreach (var input in node.Inputs)
        {
            ref var note = ref NoteOf(input);
            if (note.LastUse > position || note.Register < 0)
                continue;
            _free.Push(note.Register);
            note.Register = -1;
        }
    }

    /// <summary>Where a value's tile is: its index in the kernel's table of inputs, outputs, registers.</summary>
    private int OperandOf(in NodeNote note)
    {
        var registers = _inputs.Length + Escaping.Count;
        if (note.External >= 0)
            return _inputs[note.External].Mode is ReadMode.Direct or ReadMode.Row or ReadMode.Repeated ? note.External : registers + _inputs[note.External].Register;
        return note.Output >= 0 ? _inputs.Length + note.Output : registers + note.Register;
    }

    /// <summary>
    /// The longest run of trailing dimensions, as one length, in which every operand either lies side by side or stays at one
    /// element; repeated operands, and those whose last dimension does neither, do not count. 0 when rows are too short to be worth it.
    /// </summary>
    private static long RowLength(Layout[] layouts)
    {
        var shape = layouts.Length == 0 ? Shape.Scalar : layouts[0].Shape;
        long length = 1;
        var strided = layouts.Where(l => !l.IsContiguous && PeriodOf(l) == 0 && (IsRun(l, 1) || IsFlat(l, 1))).ToArray();
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

    /// <summary>How many elements side by side are repeated over and over in the iteration; 0 for any other layout, and when they are many.</summary>
    private static long PeriodOf(Layout layout)
    {
        long period = 1;
        var d = 1;
        for (; d <= layout.Shape.Rank && (layout.Shape[-d] == 1 || layout.Strides[^d] == period); d++)
            period *= layout.Shape[-d];
        for (; d <= layout.Shape.Rank; d++)
        {
            if (layout.Shape[-d] != 1 && layout.Strides[^d] != 0)
                return 0;
        }

        return period is > 1 and <= MaxPeriod ? period : 0;
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
            : PeriodOf(layout) is > 0 and var period ? new FusedInput(ReadMode.Repeated, layout, size, -1, (int)period)
            : dimensions > 0 && IsFlat(layout, dimensions) ? new FusedInput(ReadMode.RowSplat, layout, size, TakeRegister())
            : new FusedInput(ReadMode.Strided, layout, size, TakeRegister());
    }

    private int TakeRegister() => _free.TryPop(out var register) ? register : _registers++;

    /// <summary>What is noted of a node while its group is made.</summary>
    private struct NodeNote
    {
        public int Index;

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
}
