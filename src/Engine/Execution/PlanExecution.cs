using System.Diagnostics;
using System.Runtime.InteropServices;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
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
    /// <summary>Estimated work, in bytes and operations, after which the clock is read: some ten microseconds.</summary>
    private const double WorkBetweenClocks = 100_000;

    private readonly ExecutionStack _home;
    private readonly Instruction[] _instructions;
    private readonly NodeType[] _inputTypes;
    private readonly void*[] _inputs;
    private readonly PooledBuffer?[] _outputs;
    private readonly nint[] _operandBlock;
    private readonly nint[] _storages;
    private BufferPool _pool = null!;
    private Quota? _account;
    private PooledBuffer? _arena;
    private long[]? _ticks;
    private long[]? _begins;
    private long[]? _ends;
    private int _instruction;
    private long _unit;
    private int _operand;
    private double _workSinceClock;
    private bool _started;
    private bool _rented;
    private bool _traced;

    internal PlanExecution(Plan plan, ExecutionStack home)
    {
        Plan = plan;
        _home = home;
        _instructions = (Instruction[])plan.Instructions;
        _inputTypes = (NodeType[])plan.Inputs;
        _inputs = new void*[plan.Inputs.Count];
        _outputs = new PooledBuffer?[plan.Outputs.Count];
        _operandBlock = GC.AllocateArray<nint>(Math.Max(1, plan.Operands.Length), pinned: true);
        _storages = new nint[plan.Storages.Count];
    }

    public Plan Plan { get; }

    /// <summary>Stopwatch ticks that each instruction took, when profiled; else null.</summary>
    public long[]? InstructionTicks => _ticks;

    /// <summary>Rents an execution of the plan.</summary>
    /// <param name="account">Whose part of the pool's budget its memory counts to.</param>
    public static PlanExecution Rent(Plan plan, BufferPool pool, Quota? account = null)
    {
        var home = ExecutionStack.Of(plan);
        var execution = home.Take() ?? new PlanExecution(plan, home);
        execution._pool = pool;
        execution._account = account;
        execution._rented = true;
        return execution;
    }

    /// <summary>Binds an input to row-major elements, which must outlive the execution.</summary>
    public void Bind(int slot, Tensor tensor)
    {
        var type = _inputTypes[slot];
        if (tensor.DataType != type.DataType || !tensor.Shape.Equals(type.Shape))
            throw new ArgumentException($"Input {slot} is {type}; {tensor.DataType.Name()}{tensor.Shape} was bound.", nameof(tensor));
        _inputs[slot] = tensor.Buffer.Pointer;
    }

    /// <summary>Binds an input to a constant's elements.</summary>
    public void Bind(int slot, ConstantData data) => _inputs[slot] = data.Pointer;

    /// <summary>The Stopwatch timestamp at which the last forward instruction was done; 0 before, and when it is not traced.</summary>
    public long ForwardDone { get; private set; }

    /// <summary>Stopwatch timestamps at which each instruction began and ended; empty when its instructions are not traced.</summary>
    internal (long[] Begins, long[] Ends) InstructionTimes => (_begins ?? [], _ends ?? []);

    public void EnableProfile() => _ticks = new long[Plan.Instructions.Count];

    /// <summary>Takes the time of the phases and, if asked for, of each instruction. Called before the first run.</summary>
    internal void EnableTrace(bool instructions)
    {
        _traced = true;
        if (instructions)
            (_begins, _ends) = (new long[Plan.Instructions.Count], new long[Plan.Instructions.Count]);
    }

    /// <summary>Reserves the arena and the outputs' buffers; refused before anything is computed.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public void Reserve()
    {
        if (_arena is null)
            _pool.Require(checked(Plan.ArenaBytes + Plan.OutputBytes), _account);
        _arena ??= _pool.Rent(Plan.ArenaBytes, "arena", _account);
        var bytes = Plan.OutputByteCounts;
        for (var i = 0; i < bytes.Length; i++)
            _outputs[i] ??= _pool.Rent(bytes[i], "output", _account);
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

        try
        {
            if (RunInstructions(parkAt, checkFinite, cancellation) == ExecutionStatus.Parked)
                return ExecutionStatus.Parked;
        }
        catch (GradientsException e)
        {
            var node = _instructions[_instruction].Nodes[0];
            e.Position ??= node.Position;
            throw e.With("op", node.Op);
        }

        if (_traced && ForwardDone == 0)
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
        (_ticks, _begins, _ends) = (null, null, null);
        (_account, ForwardDone, _traced) = (null, 0, false);
        (_instruction, _unit, _operand, _workSinceClock, _started) = (0, 0, 0, 0, false);
        _home.Put(this);
    }

    private ExecutionStatus RunInstructions(long parkAt, bool checkFinite, CancellationToken cancellation)
    {
        fixed (nint* operands = _operandBlock)
        {
            while (_instruction < _instructions.Length)
            {
                if (_traced && ForwardDone == 0 && _instruction == Plan.ForwardInstructions)
                    ForwardDone = Stopwatch.GetTimestamp();
                var instruction = _instructions[_instruction];
                var outputs = (void**)operands + _operand + instruction.Inputs.Length;
                var arguments = new KernelArguments
                {
                    Inputs = (void**)operands + _operand,
                    Outputs = outputs,
                    Workspace = _arena!.Pointer + instruction.WorkspaceOffset,
                    Shared = _arena!.Pointer + instruction.SharedOffset,
                };
                var timed = _ticks is not null || _begins is not null;
                var began = timed ? Stopwatch.GetTimestamp() : 0;
                var status = RunUnits(instruction, arguments, parkAt, cancellation);
                if (timed)
                    Took(began);
                if (status == ExecutionStatus.Parked)
                    return ExecutionStatus.Parked;
                if (checkFinite)
                    FiniteCheck.Require(instruction, outputs);
                _operand += instruction.Inputs.Length + instruction.Outputs.Length;
                _instruction++;
                _unit = 0;
            }
        }

        return ExecutionStatus.Completed;
    }

    /// <summary>Notes the time of the current instruction, of which this may be one of several pieces.</summary>
    private void Took(long began)
    {
        var ended = Stopwatch.GetTimestamp();
        if (_ticks is not null)
            _ticks[_instruction] += ended - began;
        if (_begins is null)
            return;
        if (_begins[_instruction] == 0)
            _begins[_instruction] = began;
        _ends![_instruction] = ended;
    }

    private ExecutionStatus RunUnits(Instruction instruction, in KernelArguments arguments, long parkAt, CancellationToken cancellation)
    {
        var kernel = instruction.Kernel;
        while (_unit < kernel.UnitCount)
        {
            cancellation.ThrowIfCancellationRequested();
            kernel.Run(arguments, _unit);
            _unit++;
            _workSinceClock += instruction.UnitWork;

            // Behind the unit, so that however short the slice, each makes progress.
            if (parkAt != long.MaxValue && IsPast(parkAt))
                return ExecutionStatus.Parked;
        }

        return ExecutionStatus.Completed;
    }

    /// <summary>Reads the clock only when enough was done since the last time: reading it costs as much as a small kernel.</summary>
    private bool IsPast(long parkAt)
    {
        if (_workSinceClock < WorkBetweenClocks)
            return false;
        _workSinceClock = 0;
        return Stopwatch.GetTimestamp() >= parkAt;
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

        var operands = Plan.Operands;
        for (var i = 0; i < operands.Length; i++)
            _operandBlock[i] = _storages[operands[i].Storage] + (nint)operands[i].ByteOffset;
    }
}
