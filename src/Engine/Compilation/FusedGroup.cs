using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Works out what a group reads, what leaves it, and which registers its steps use.</summary>
internal sealed class FusedGroup
{
    private const int MinRowLength = 64;

    private readonly Dictionary<Node, int> _externalIndex = [];
    private readonly Dictionary<Node, int> _escapingIndex = [];
    private readonly Dictionary<Node, int> _registerOf = [];
    private readonly Dictionary<Node, int> _lastUse = [];
    private readonly Dictionary<Node, int> _stepOf = [];
    private readonly Stack<int> _free = new();
    private int _registers;

    public FusedGroup(List<Node> members, bool[] escapes, Func<Node, Layout> layoutOf)
    {
        var inGroup = members.ToHashSet();
        for (var step = 0; step < members.Count; step++)
        {
            _stepOf[members[step]] = step;
            foreach (var input in members[step].Inputs)
            {
                _lastUse[input] = step;
                if (!inGroup.Contains(input) && _externalIndex.TryAdd(input, External.Count))
                    External.Add(input);
            }

            if (escapes[members[step].Index])
            {
                _escapingIndex[members[step]] = Escaping.Count;
                Escaping.Add(members[step]);
            }
        }

        var shape = members[0].Shape;
        var layouts = External.Select(n => layoutOf(n).BroadcastTo(shape)).ToArray();
        var rowLength = RowLength(layouts);
        var inputs = External.Select((n, i) => ReadOf(n, layouts[i], rowLength)).ToArray();
        var steps = new FusedStep[members.Count];
        for (var step = 0; step < steps.Length; step++)
        {
            var node = members[step];
            var operands = Array.ConvertAll(node.Inputs, n => OperandOf(n, inputs));
            var target = _escapingIndex.TryGetValue(node, out var output) ? -1 - output : _registerOf[node] = TakeRegister();
            steps[step] = new FusedStep(((ElementwiseOp)node.Op!).Tile(node), operands, target);
            foreach (var input in node.Inputs.Distinct())
            {
                if (_lastUse[input] == step && _registerOf.Remove(input, out var register))
                    _free.Push(register);
            }
        }

        Kernel = new FusedKernel(shape, inputs.Any(i => i.Mode is ReadMode.Row or ReadMode.RowSplat) ? rowLength : 0, inputs, steps, [.. Escaping.Select(n => n.DataType.Size())], _registers);
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
        var node = External[external];
        for (var i = 0; i < Escaping.Count; i++)
        {
            if (Escaping[i].DataType.Size() == node.DataType.Size() && _stepOf[Escaping[i]] >= _lastUse[node])
                return i;
        }

        return -1;
    }

    private int OperandOf(Node node, FusedInput[] inputs)
    {
        if (_externalIndex.TryGetValue(node, out var external))
            return inputs[external].Mode is ReadMode.Direct or ReadMode.Row ? -1 - external : inputs[external].Register;
        return _escapingIndex.TryGetValue(node, out var output) ? -1 - (inputs.Length + output) : _registerOf[node];
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
