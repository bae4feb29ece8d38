using Gradients.Engine.Compilation;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

/// <summary>
/// Collects instructions that may run at the same time: the ranges of memory that one writes, its shared block included,
/// meet no range that another reads or writes. Scratch does not count: every thread brings its own.
/// </summary>
internal sealed class BatchHazards
{
    private const int MaxInstructions = 16;

    private readonly Plan _plan;
    private readonly long[] _bytes;
    private readonly List<Range> _reads = [];
    private readonly List<Range> _writes = [];
    private int _count;

    public BatchHazards(Plan plan)
    {
        _plan = plan;
        _bytes = new long[plan.Storages.Count];
        foreach (var instruction in plan.Instructions)
        {
            for (var i = 0; i < instruction.Outputs.Length; i++)
            {
                var (type, count) = instruction.OutputTypes[i];
                ref var bytes = ref _bytes[instruction.Outputs[i].Storage];
                bytes = Math.Max(bytes, instruction.Outputs[i].ByteOffset + (count * type.Size()));
            }
        }
    }

    /// <summary>Begins anew with one instruction.</summary>
    public void Start(int instruction)
    {
        _reads.Clear();
        _writes.Clear();
        _count = 1;
        Add(_plan.Instructions[instruction]);
    }

    /// <summary>False, and nothing is added, when the instruction meets one that is there.</summary>
    public bool TryAdd(int index)
    {
        if (_count == MaxInstructions)
            return false;
        var (reads, writes) = (_reads.Count, _writes.Count);
        Add(_plan.Instructions[index]);
        if (Meet(_writes, 0, writes, _reads, reads) || Meet(_writes, 0, writes, _writes, writes) || Meet(_reads, 0, reads, _writes, writes))
        {
            _reads.RemoveRange(reads, _reads.Count - reads);
            _writes.RemoveRange(writes, _writes.Count - writes);
            return false;
        }

        _count++;
        return true;
    }

    /// <summary>Whether one of the old ranges [from, to) meets one of the new ranges from <paramref name="start"/> on.</summary>
    private static bool Meet(List<Range> old, int from, int to, List<Range> added, int start)
    {
        for (var i = from; i < to; i++)
        {
            for (var j = start; j < added.Count; j++)
            {
                if (old[i].Space == added[j].Space && old[i].Start < added[j].End && added[j].Start < old[i].End)
                    return true;
            }
        }

        return false;
    }

    private void Add(Instruction instruction)
    {
        foreach (var operand in instruction.Inputs)
            _reads.Add(RangeOf(operand.Storage));
        foreach (var operand in instruction.Outputs)
            _writes.Add(RangeOf(operand.Storage));
        _writes.Add(new Range(Arena, instruction.SharedOffset, instruction.SharedOffset + instruction.Kernel.SharedBytes));
    }

    private Range RangeOf(int storage)
    {
        var (kind, _, offset) = _plan.Storages[storage];
        return kind == StorageKind.Arena ? new Range(Arena, offset, offset + _bytes[storage]) : new Range(storage, 0, long.MaxValue);
    }

    private const int Arena = -1;

    /// <param name="Space">A storage with memory of its own, or the arena.</param>
    private readonly record struct Range(int Space, long Start, long End);
}
