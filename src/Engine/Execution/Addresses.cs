using System.Runtime.CompilerServices;
using Gradients.Engine.Compilation;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

/// <summary>
/// Where the operands of one execution's kernels lie. An address that a run left is right for the next one unless its storage
/// has moved.
/// </summary>
internal sealed unsafe class Addresses
{
    private readonly Plan _plan;
    private readonly PreparedPlan _prepared;
    private readonly Instruction[] _instructions;
    private readonly Storage[] _places;
    private readonly nint[] _operands;
    private readonly nint[] _storages;
    private nint _arena;

    public Addresses(Plan plan, PreparedPlan prepared)
    {
        _plan = plan;
        _prepared = prepared;
        _instructions = (Instruction[])plan.Instructions;
        _places = (Storage[])plan.Storages;
        _storages = new nint[_places.Length];
        _operands = GC.AllocateArray<nint>(Math.Max(1, plan.Operands.Length), pinned: true);
        Arguments = GC.AllocateArray<KernelArguments>(Math.Max(1, _instructions.Length), pinned: true);
        var operands = (void**)Unsafe.AsPointer(ref _operands[0]);
        for (var i = 0; i < _instructions.Length; i++)
        {
            Arguments[i].Inputs = operands + prepared.FirstOperands[i];
            Arguments[i].Outputs = Arguments[i].Inputs + _instructions[i].Inputs.Length;
        }
    }

    /// <summary>What each kernel is given. Pinned, like the operands that it points to.</summary>
    public KernelArguments[] Arguments { get; }

    /// <summary>Gives every operand its address: only those whose storage has moved since the run before.</summary>
    /// <exception cref="InvalidOperationException">An input is not bound.</exception>
    public void Resolve(void*[] inputs, PooledBuffer?[] outputs, byte* arena)
    {
        foreach (var i in _prepared.BoundStorages)
        {
            var (kind, index, _) = _places[i];
            var address = (nint)(kind == StorageKind.Input ? inputs[index] : outputs[index]!.Pointer);
            if (address == 0)
                throw new InvalidOperationException($"Input {index} is not bound.");
            if (address != _storages[i])
                Move(i, address);
        }

        if ((nint)arena != _arena)
            MoveArena(arena);
    }

    private void MoveArena(byte* arena)
    {
        _arena = (nint)arena;
        foreach (var i in _prepared.FixedStorages)
        {
            var (kind, index, offset) = _places[i];
            Move(i, kind == StorageKind.Arena ? _arena + (nint)offset : (nint)_plan.Constants[index].Pointer);
        }

        for (var i = 0; i < _instructions.Length; i++)
        {
            Arguments[i].Workspace = arena + _instructions[i].WorkspaceOffset;
            Arguments[i].Shared = arena + _instructions[i].SharedOffset;
        }
    }

    private void Move(int storage, nint address)
    {
        _storages[storage] = address;
        foreach (var patch in _prepared.PatchesOf(storage))
            _operands[patch.Operand] = address + patch.Offset;
    }
}
