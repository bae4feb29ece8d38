using Gradients.Engine.Compilation;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Execution;

/// <param name="Operand">Index of the pointer in an execution's block.</param>
/// <param name="Offset">What is added to the storage's address, in bytes.</param>
internal readonly record struct Patch(int Operand, nint Offset);

/// <summary>
/// What all executions of a plan share, computed once: flat arrays to walk, which pointers to set when a storage moves, and
/// which instructions run together.
/// </summary>
/// <remarks>
/// A batch is a run of instructions none of which writes what another of them reads or writes: on several threads their
/// units run together, stage by stage. On one thread they run in order, with the same bits.
/// </remarks>
internal sealed class PreparedPlan
{
    /// <summary>Below this much work neither the clock is read nor another thread asked.</summary>
    private const double SmallNanoseconds = 20_000;

    /// <summary>
    /// What a second thread must save of a plan to be asked: a sleeping thread is woken, and what one thread wrote comes late
    /// to the other.
    /// </summary>
    private const double ParallelNanoseconds = 100_000;

    /// <summary>The part of a plan that it must save: with less, what changes hands for it slows the rest by as much.</summary>
    private const double ParallelPart = 1.0 / 3;

    /// <summary>What it must save of a batch for its units to be shared out.</summary>
    private const double ParallelBatchNanoseconds = 6_000;

    private readonly Patch[] _patches;
    private readonly int[] _patchEnds;

    public PreparedPlan(Plan plan)
    {
        var instructions = plan.Instructions;
        var count = instructions.Count;
        Kernels = [.. instructions.Select(i => i.Kernel)];
        FirstOperands = new int[count];
        UnitWork = new double[count];
        BatchEnds = new int[count];
        IsParallel = new bool[count];
        var nanoseconds = new double[count];
        double total = 0;
        for (int i = 0, operand = 0; i < count; i++)
        {
            var instruction = instructions[i];
            FirstOperands[i] = operand;
            operand += instruction.Inputs.Length + instruction.Outputs.Length;
            UnitWork[i] = instruction.UnitWork;
            HelperWorkspaceBytes = Math.Max(HelperWorkspaceBytes, instruction.Kernel.WorkspaceBytes);

            // A vector unit does some 64 operations a nanosecond, the caches deliver some 20 bytes.
            nanoseconds[i] = 30 + (instruction.Bytes / 20.0) + (instruction.Kernel.Flops / 64);
            total += nanoseconds[i];
        }

        IsSmall = !plan.HasCallouts && total < SmallNanoseconds;
        BoundStorages = [.. Enumerable.Range(0, plan.Storages.Count).Where(i => plan.Storages[i].Kind is StorageKind.Input or StorageKind.Output)];
        FixedStorages = [.. Enumerable.Range(0, plan.Storages.Count).Except(BoundStorages)];
        _patchEnds = new int[plan.Storages.Count];
        _patches = SortPatches(plan, _patchEnds);
        for (var i = 0; i < count; i++)
            BatchEnds[i] = i + 1;
        if (total >= 2 * ParallelNanoseconds)
            HasParallel = FindBatches(plan, nanoseconds) >= Math.Max(ParallelNanoseconds, total * ParallelPart);
    }

    public ExecutionStack Ready { get; } = new();

    public Kernel[] Kernels { get; }

    /// <summary>For each instruction, where its pointers begin.</summary>
    public int[] FirstOperands { get; }

    public double[] UnitWork { get; }

    /// <summary>For each first instruction of a batch, the one behind its last.</summary>
    public int[] BatchEnds { get; }

    /// <summary>For each first instruction of a batch, whether its units are worth sharing out.</summary>
    public bool[] IsParallel { get; }

    /// <summary>Whether other threads are asked at all.</summary>
    public bool HasParallel { get; }

    /// <summary>Storages that a caller binds or takes.</summary>
    public int[] BoundStorages { get; }

    /// <summary>Storages in the arena and the plan.</summary>
    public int[] FixedStorages { get; }

    /// <summary>All kernels together take microseconds.</summary>
    public bool IsSmall { get; }

    /// <summary>What a thread that helps needs for any of the kernels.</summary>
    public long HelperWorkspaceBytes { get; } = 64;

    /// <summary>The pointers that follow a storage.</summary>
    public ReadOnlySpan<Patch> PatchesOf(int storage)
    {
        var start = storage == 0 ? 0 : _patchEnds[storage - 1];
        return _patches.AsSpan(start, _patchEnds[storage] - start);
    }

    public static PreparedPlan Of(Plan plan)
    {
        if (plan.Prepared is PreparedPlan prepared)
            return prepared;
        var made = new PreparedPlan(plan);
        return (PreparedPlan)(Interlocked.CompareExchange(ref plan.Prepared, made, null) ?? made);
    }

    /// <summary>Sorts the operands by their storage.</summary>
    private static Patch[] SortPatches(Plan plan, int[] ends)
    {
        foreach (var operand in plan.Operands)
            ends[operand.Storage]++;
        for (int i = 0, sum = 0; i < ends.Length; i++)
            (ends[i], sum) = (sum, sum + ends[i]);
        var patches = new Patch[plan.Operands.Length];
        for (var i = 0; i < patches.Length; i++)
            patches[ends[plan.Operands[i].Storage]++] = new Patch(i, (nint)plan.Operands[i].ByteOffset);
        return patches;
    }

    /// <summary>Returns what a second thread saves at best.</summary>
    private double FindBatches(Plan plan, double[] nanoseconds)
    {
        var hazards = new BatchHazards(plan);
        var count = nanoseconds.Length;
        double total = 0;
        for (int first = 0, end; first < count; first = end)
        {
            var sum = nanoseconds[first];
            var longest = LeastTime(first);
            if (Kernels[first] is CalloutKernel)
            {
                end = first + 1;
                continue;
            }

            hazards.Start(first);
            for (end = first + 1; end < count && end != plan.ForwardInstructions && Kernels[end] is not CalloutKernel && hazards.TryAdd(end); end++)
            {
                sum += nanoseconds[end];
                longest = Math.Max(longest, LeastTime(end));
            }

            var saved = Math.Min(sum / 2, sum - longest);
            if (saved < ParallelBatchNanoseconds)
                continue;
            BatchEnds[first] = end;
            IsParallel[first] = true;
            total += saved;
        }

        return total;

        // However many threads there are: a unit of each stage.
        double LeastTime(int instruction) => nanoseconds[instruction] * Kernels[instruction].StageCount / Math.Max(1, Kernels[instruction].ConcurrentUnits);
    }
}
