using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Where a value lives while a plan runs.</summary>
public enum StorageKind : byte
{
    /// <summary>Bound by the caller.</summary>
    Input,

    /// <summary>Part of the plan.</summary>
    Constant,

    /// <summary>At a planned offset of the execution's arena.</summary>
    Arena,

    /// <summary>In a buffer of its own that outlives the execution.</summary>
    Output,
}

/// <param name="Index">The input slot, the constant's or the output's index; 0 in the arena.</param>
/// <param name="Offset">The offset in the arena, in bytes.</param>
public readonly record struct Storage(StorageKind Kind, int Index, long Offset);

/// <param name="Storage">Index of the value's storage in <see cref="Plan.Storages"/>.</param>
/// <param name="ByteOffset">Of the operand's first element.</param>
public readonly record struct Operand(int Storage, long ByteOffset);

/// <param name="Position">Of the definition in the canonical order of the request's subgraph.</param>
public readonly record struct PlannedNode(int Position, string Op);

/// <summary>One kernel with the places of its operands.</summary>
/// <param name="Nodes">What it computes, for errors and profiles: one node, or a fused group.</param>
/// <param name="Bytes">Bytes read and written.</param>
/// <param name="OutputTypes">Element type and count of each output.</param>
public sealed record Instruction(Kernel Kernel, Operand[] Inputs, Operand[] Outputs, long WorkspaceOffset, PlannedNode[] Nodes, long Bytes, (DataType Type, long Count)[] OutputTypes)
{
    /// <summary>Where in the arena the block that the kernel's units share lies.</summary>
    public long SharedOffset { get; init; }

    /// <summary>Estimated work of one unit, in bytes and operations; never 0, so that empty work counts too.</summary>
    public double UnitWork { get; } = 100 + ((Bytes + Kernel.Flops) / Math.Max(1, Kernel.UnitCount));
}

/// <summary>What leaves a plan.</summary>
public readonly record struct PlanOutput(DataType DataType, Shape Shape)
{
    public long ByteCount => Shape.ElementCount * DataType.Size();
}

/// <summary>
/// Instructions in order over one arena whose offsets are planned. Immutable and shared by any number of executions.
/// </summary>
public sealed class Plan
{
    internal Plan(Instruction[] instructions, Storage[] storages, NodeType[] inputs, ConstantData[] constants, PlanOutput[] outputs, long arenaBytes, long liveBytes, int forwardInstructions)
    {
        Instructions = instructions;
        Storages = storages;
        Inputs = inputs;
        Constants = constants;
        Outputs = outputs;
        ArenaBytes = arenaBytes;
        PeakLiveBytes = liveBytes;
        ForwardInstructions = forwardInstructions;
        Operands = new Operand[instructions.Sum(i => i.Inputs.Length + i.Outputs.Length)];
        var next = 0;
        foreach (var instruction in instructions)
        {
            instruction.Inputs.CopyTo(Operands, next);
            instruction.Outputs.CopyTo(Operands, next += instruction.Inputs.Length);
            next += instruction.Outputs.Length;
        }

        HasCallouts = instructions.Any(i => i.Kernel is CalloutKernel);
        OutputByteCounts = Array.ConvertAll(outputs, o => o.ByteCount);
        Flops = instructions.Sum(i => i.Kernel.Flops);
        ForwardFlops = instructions.Take(forwardInstructions).Sum(i => i.Kernel.Flops);
        Bytes = instructions.Sum(i => i.Bytes);
    }

    public IReadOnlyList<Instruction> Instructions { get; }

    public IReadOnlyList<Storage> Storages { get; }

    /// <summary>Types of the values that the caller binds, by slot.</summary>
    public IReadOnlyList<NodeType> Inputs { get; }

    public IReadOnlyList<ConstantData> Constants { get; }

    public IReadOnlyList<PlanOutput> Outputs { get; }

    /// <summary>Bytes of the arena; temporaries share it by liveness.</summary>
    public long ArenaBytes { get; }

    /// <summary>The most bytes of temporaries that are live at one time: the lower bound of <see cref="ArenaBytes"/> for this order.</summary>
    public long PeakLiveBytes { get; }

    /// <summary>How many of the instructions, from the first, compute values; the others compute gradients.</summary>
    public int ForwardInstructions { get; }

    /// <summary>Whether an instruction asks whoever made the request.</summary>
    public bool HasCallouts { get; }

    /// <summary>Estimated floating-point operations of one execution.</summary>
    public double Flops { get; }

    /// <summary>The part of <see cref="Flops"/> that computes values.</summary>
    public double ForwardFlops { get; }

    /// <summary>Bytes that the instructions read and write.</summary>
    public long Bytes { get; }

    /// <summary>The instructions' operands in order, inputs before outputs.</summary>
    internal Operand[] Operands { get; }

    internal long[] OutputByteCounts { get; }

    /// <summary>
    /// By output the slots of inputs whose elements it may be written over, if no other slot is bound to them and no other output
    /// takes them.
    /// </summary>
    internal int[][] Overwritable { get; init; } = [];

    /// <summary>What executions of this plan share; theirs alone, and gone with the plan.</summary>
    internal object? Prepared;

    /// <summary>Managed and native bytes that the plan itself keeps, roughly; the cache counts them.</summary>
    public long Footprint => 512 + (Instructions.Count * 256L) + (Operands.Length * 48L) + (Outputs.Count * 48L) + (Storages.Count * 24L) + Constants.Sum(c => c.ByteCount + 192L);
}
