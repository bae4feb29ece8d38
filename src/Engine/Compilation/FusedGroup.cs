using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Works out what a group reads, what leaves it, and which registers its steps use.</summary>
internal sealed class FusedGroup
{
    private readonly Dictionary<Node, int> _externalIndex = [];
    private readonly Dictionary<Node, int> _escapingIndex = [];
    private readonly Dictionary<Node, int> _registerOf = [];
    private readonly Stack<int> _free = new();
    private int _registers;

    public FusedGroup(List<Node> members, bool[] escapes, Func<Node, Layout> layoutOf)
    {
        var inGroup = members.ToHashSet();
        var lastUse = new Dictionary<Node, int>();
        for (var step = 0; step < members.Count; step++)
        {
            foreach (var input in members[step].Inputs)
            {
                lastUse[input] = step;
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
        var inputs = External.Select(n => ReadOf(n, layoutOf(n).BroadcastTo(shape))).ToArray();
        var steps = new FusedStep[members.Count];
        for (var step = 0; step < steps.Length; step++)
        {
            var node = members[step];
            var operands = Array.ConvertAll(node.Inputs, n => OperandOf(n, inputs));
            var target = _escapingIndex.TryGetValue(node, out var output) ? -1 - output : _registerOf[node] = TakeRegister();
            steps[step] = new FusedStep(((ElementwiseOp)node.Op!).Tile(node), operands, target);
            foreach (var input in node.Inputs.Distinct())
            {
                if (lastUse[input] == step && _registerOf.Remove(input, out var register))
                    _free.Push(register);
            }
        }

        Kernel = new FusedKernel(shape, inputs, steps, [.. Escaping.Select(n => n.DataType.Size())], _registers);
    }

    /// <summary>What is read from outside, in the kernel's order of inputs.</summary>
    public List<Node> External { get; } = [];

    /// <summary>Members that are used outside, in the kernel's order of outputs.</summary>
    public List<Node> Escaping { get; } = [];

    public Kernel Kernel { get; }

    private int OperandOf(Node node, FusedInput[] inputs)
    {
        if (_externalIndex.TryGetValue(node, out var external))
            return inputs[external].Mode == ReadMode.Direct ? -1 - external : inputs[external].Register;
        return _escapingIndex.TryGetValue(node, out var output) ? -1 - (inputs.Length + output) : _registerOf[node];
    }

    private FusedInput ReadOf(Node node, Layout layout)
    {
        var size = node.DataType.Size();
        return layout.IsContiguous ? new FusedInput(ReadMode.Direct, layout, size, -1)
            : node.Shape.ElementCount == 1 ? new FusedInput(ReadMode.Splat, layout, size, TakeRegister())
            : new FusedInput(ReadMode.Strided, layout, size, TakeRegister());
    }

    private int TakeRegister() => _free.TryPop(out var register) ? register : _registers++;
}
