using System.Diagnostics;
using System.Runtime.InteropServices;
using Gradients.Engine.Compilation;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

public enum ExecutionStatus
{
    Completed,

    /// <summary>The time slice is over; run again to go on.</summary>
    Parked,
}

/// <summary>
/// One run of a plan: its arena, its bound pointers and how far it has come. It can stop between any two units and go on
/// later on any thread. Rented and reused, so that a run of a plan that ran before allocates no managed memory.
/// </summary>
/// <remarks>
/// Bind every input, then <see cref="Run"/> until completed, then take the outputs, then dispose. Inputs must stay alive
/// until disposal. Not thread-safe: one thread at a time.
/// </remarks>
public sealed unsafe class PlanExecution : IDisposable
{
    private readonly ExecutionStack _home;
    private readonly void*[] _inputs;
    private readonly PooledBuffer?[] _outputs;
    private readonly nint[] _operandBlock;
    private readonly nint[] _storages;
    private BufferPool _pool = null!;
    private PooledBuffer? _arena;
    private long[]? _ticks;
    private int _instruction;
    private long _unit;
    private int _operand;
    private bool _started;
    private bool _rented;

    internal PlanExecution(Plan plan, ExecutionStack home)
    {
        Plan = plan;
        _home = home;
        _inputs = new void*[plan.Inputs.Count];
        _outputs = new PooledBuffer?[plan.Outputs.Count];
        _operandBlock = GC.AllocateArray<nint>(Math.Max(1, plan.OperandCount), pinned: true);
        _storages = new nint[plan.Storages.Count];
    }

    public Plan Plan { get; }

    /// <summary>Stopwatch ticks that each instruction took, when profiled; else null.</summary>
    public long[]? InstructionTicks => _ticks;

    /// <summary>Rents an execution of the plan.</summary>
    public static PlanExecution Rent(Plan plan, BufferPool pool)
    {
        var execution = plan.Executions.Take() ?? new PlanExecution(plan, plan.Executions);
        execution._pool = pool;
        execution._rented = true;
        return execution;
    }

    /// <summary>Binds an input to row-major elements, which must outlive the execution.</summary>
    public void Bind(int slot, Tensor tensor)
    {
        var type = Plan.Inputs[slot];
        if (tensor.DataType != type.DataType || !tensor.Shape.Equals(type.Shape))
            throw new ArgumentException($"Input {slot} is {type}; {tensor.DataType.Name()}{tensor.Shape} was bound.", nameof(tensor));
        _inputs[slot] = tensor.Buffer.Pointer;
    }

    /// <summary>Binds an input to a constant's elements.</summary>
    public void Bind(int slot, Graph.ConstantData data) => _inputs[slot] = data.Pointer;

    /// <summary>The Stopwatch timestamp at which the last forward instruction was done; 0 before.</summary>
    public long ForwardDone { get; private set; }

    public void EnableProfile() => _ticks = new long[Plan.Instructions.Count];

    /// <summary>Reserves the arena and the outputs' buffers; refused before anything is computed.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public void Reserve()
    {
        if (_arena is null)
            _pool.Require(checked(Plan.ArenaBytes + Plan.OutputBytes));
        _arena ??= _pool.Rent(Plan.ArenaBytes, "arena");
        for (var i = 0; i < _outputs.Length; i++)
            _outputs[i] ??= _pool.Rent(Plan.Outputs[i].ByteCount, "output");
    }

    /// <summary>Runs until done, cancelled, or, behind at least one unit, past <paramref name="parkAt"/> (a Stopwatch timestamp).</summary>
    /// <param name="checkFinite">Stops with NON_FINITE_VALUE behind the first instruction that gives NaN or infinity.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two units.</exception>
    public ExecutionStatus Run(long parkAt = long.MaxValue, bool checkFinite = false, CancellationToken cancellation = default)
    {
        if (!_started)
        {
            Reserve();
            Resolve();
            _started = true;
        }

        var instructions = (Instruction[])Plan.Instructions;
        fixed (nint* operands = _operandBlock)
        {
            while (_instruction < instructions.Length)
            {
                if (_instruction == Plan.ForwardInstructions && ForwardDone == 0)
                    ForwardDone = Stopwatch.GetTimestamp();
                var instruction = instructions[_instruction];
                if (RunInstruction(instruction, (void**)operands + _operand, parkAt, cancellation) == ExecutionStatus.Parked)
                    return ExecutionStatus.Parked;
                if (checkFinite)
                    FiniteCheck.Require(instruction, (void**)operands + _operand + instruction.Inputs.Length);
                _operand += instruction.Inputs.Length + instruction.Outputs.Length;
                _instruction++;
                _unit = 0;
            }
        }

        if (ForwardDone == 0)
            ForwardDone = Stopwatch.GetTimestamp();
        return ExecutionStatus.Completed;
    }

    /// <summary>Hands over an output's buffer with its one reference.</summary>
    public PooledBuffer TakeOutput(int index)
    {
        var buffer = _outputs[index] ?? throw new InvalidOperationException("The output was taken already.");
        _outputs[index] = null;
        return buffer;
    }

    /// <summary>Hands over an output as a tensor.</summary>
    public Tensor TakeTensor(int index) => new(Plan.Outputs[index].DataType, Plan.Outputs[index].Shape, TakeOutput(index));

    /// <summary>Releases arena and untaken outputs and makes the execution available again; a second call does nothing.</summary>
    public void Dispose()
    {
        if (!_rented)
            return;
        _rented = false;
        _arena?.Release();
        _arena = null;
        for (var i = 0; i < _outputs.Length; i++)
        {
            _outputs[i]?.Release();
            _outputs[i] = null;
        }

        Array.Clear(_inputs);
        _ticks = null;
        ForwardDone = 0;
        (_instruction, _unit, _operand, _started) = (0, 0, 0, false);
        _home.Put(this);
    }

    private ExecutionStatus RunInstruction(Instruction instruction, void** operands, long parkAt, CancellationToken cancellation)
    {
        var kernel = instruction.Kernel;
        var arguments = new KernelArguments
        {
            Inputs = operands,
            Outputs = operands + instruction.Inputs.Length,
            Workspace = _arena!.Pointer + instruction.WorkspaceOffset,
        };
        var began = _ticks is null ? 0 : Stopwatch.GetTimestamp();
        try
        {
            while (_unit < kernel.UnitCount)
            {
                cancellation.ThrowIfCancellationRequested();
                kernel.Run(arguments, _unit);
                _unit++;

                // Behind the unit, so that however short the slice, each makes progress.
                if (parkAt != long.MaxValue && Stopwatch.GetTimestamp() >= parkAt)
                    return ExecutionStatus.Parked;
            }
        }
        catch (GradientsException e)
        {
            e.Position ??= instruction.Nodes[0].Position;
            throw e.With("op", instruction.Nodes[0].Op);
        }
        finally
        {
            if (_ticks is not null)
                _ticks[_instruction] += Stopwatch.GetTimestamp() - began;
        }

        return ExecutionStatus.Completed;
    }

    /// <summary>Turns every operand into an address, once a run.</summary>
    private void Resolve()
    {
        var storages = (Storage[])Plan.Storages;
        for (var i = 0; i < storages.Length; i++)
        {
            ref readonly var storage = ref storages[i];
            _storages[i] = (nint)(storage.Kind switch
            {
                StorageKind.Input => _inputs[storage.Index],
                StorageKind.Constant => Plan.Constants[storage.Index].Pointer,
                StorageKind.Arena => _arena!.Pointer + storage.Offset,
                _ => _outputs[storage.Index]!.Pointer,
            });
            if (_storages[i] == 0)
                throw new InvalidOperationException($"Input {storage.Index} is not bound.");
        }

        var next = 0;
        foreach (var instruction in (Instruction[])Plan.Instructions)
        {
            foreach (var operand in instruction.Inputs)
                _operandBlock[next++] = _storages[operand.Storage] + (nint)operand.ByteOffset;
            foreach (var operand in instruction.Outputs)
                _operandBlock[next++] = _storages[operand.Storage] + (nint)operand.ByteOffset;
        }
    }
}

/// <summary>Executions of one plan that are ready for another run.</summary>
internal sealed class ExecutionStack
{
    private const int Kept = 8;

    private readonly Lock _gate = new();
    private readonly Stack<PlanExecution> _ready = new(Kept);

    public PlanExecution? Take()
    {
        lock (_gate)
            return _ready.TryPop(out var execution) ? execution : null;
    }

    public void Put(PlanExecution execution)
    {
        lock (_gate)
        {
            if (_ready.Count < Kept)
                _ready.Push(execution);
        }
    }
}
