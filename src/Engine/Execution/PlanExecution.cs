using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
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

    /// <summary>The next instruction is a call-out: <see cref="PlanExecution.Ask"/>, then <see cref="PlanExecution.Answer"/>, then run again.</summary>
    Waiting,
}

/// <summary>
/// One run of a plan: its arena, its bound pointers and how far it has come. It can stop between any two units and go on
/// later on any thread. Rented and reused, so that a run of a plan that ran before allocates no managed memory.
/// </summary>
/// <remarks>
/// Bind every input, then <see cref="Run"/> until completed, then take the outputs, then dispose. Inputs must stay alive
/// until disposal. Not thread-safe: one thread at a time;
/// threads that help it are its own matter.
/// </remarks>
public sealed unsafe class PlanExecution : IDisposable
{
    /// <summary>Estimated work, in bytes and operations, after which the clock is read: some ten microseconds.</summary>
    private const double WorkBetweenClocks = 100_000;

    private readonly PreparedPlan _prepared;
    private readonly Instruction[] _instructions;
    private readonly NodeType[] _inputTypes;
    private readonly void*[] _inputs;
    private readonly PooledBuffer?[] _outputs;
    private readonly Crew _crew;

    private readonly Addresses _addresses;
    private readonly KernelArguments[] _arguments;
    private BufferPool _pool = null!;
    private Quota? _account;
    private PooledBuffer? _arena;
    private long[]? _ticks;
    private long[]? _begins;
    private long[]? _ends;
    private int _instruction;
    private long _unit;
    private int _failed;
    private double _workSinceClock;
    private bool _started;
    private bool _answered;
    private bool _together;
    private bool _rented;
    private bool _traced;

    private PlanExecution(Plan plan, PreparedPlan prepared)
    {
        Plan = plan;
        _prepared = prepared;
        _instructions = (Instruction[])plan.Instructions;
        _inputTypes = (NodeType[])plan.Inputs;
        _inputs = new void*[plan.Inputs.Count];
        _outputs = new PooledBuffer?[plan.Outputs.Count];
        _addresses = new Addresses(plan, prepared);
        _arguments = _addresses.Arguments;
        _crew = new Crew(prepared, (KernelArguments*)Unsafe.AsPointer(ref _arguments[0]));
    }

    public Plan Plan { get; }

    /// <summary>Whether all of it takes microseconds.</summary>
    internal bool IsSmall => _prepared.IsSmall;

    /// <summary>Stopwatch ticks that each instruction took, when profiled; else null.</summary>
    public long[]? InstructionTicks => _ticks;

    /// <summary>Rents an execution of the plan.</summary>
    /// <param name="account">Whose part of the pool's budget its memory counts to.</param>
    public static PlanExecution Rent(Plan plan, BufferPool pool, Quota? account = null)
    {
        var prepared = PreparedPlan.Of(plan);
        var execution = prepared.Ready.Take() ?? new PlanExecution(plan, prepared);
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

    /// <summary>Binds an input to row-major elements of its type, which the caller has checked.</summary>
    internal void Bind(int slot, void* elements) => _inputs[slot] = elements;

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
        var bytes = Plan.OutputByteCounts;
        if (_arena is null)
        {
            var wanted = Plan.ArenaBytes;
            for (var i = 0; i < bytes.Length; i++)
                wanted = checked(wanted + (_outputs[i] is null ? bytes[i] : 0));
            _pool.Require(wanted, _account);
        }

        _arena ??= _pool.Rent(Plan.ArenaBytes, "arena", _account);
        for (var i = 0; i < bytes.Length; i++)
            _outputs[i] ??= _pool.Rent(bytes[i], "output", _account);
    }

    /// <summary>Runs until done, cancelled, or, behind at least one unit, past <paramref name="parkAt"/> (a Stopwatch timestamp).</summary>
    /// <param name="checkFinite">Stops with NON_FINITE_VALUE behind the first instruction that gives NaN or infinity; the same in every call of a run.</param>
    /// <param name="helpers">Whose idle threads take part where that pays; the caller's thread runs in any case. The default value is nobody's.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two units.</exception>
    public ExecutionStatus Run(long parkAt = long.MaxValue, bool checkFinite = false, Scheduler? helpers = null, CancellationToken cancellation = default)
    {
        var timed = _ticks is not null || _begins is not null;
        if (!_started)
        {
            Reserve();
            _addresses.Resolve(_inputs, _outputs, _arena!.Pointer);
            _together = helpers is { HelperCount: > 0 } && _prepared.HasParallel && !checkFinite && !timed && _crew.TryStart(_pool, _account, helpers.CurrentQueue);
            _started = true;
        }

        try
        {
            if (_prepared.IsSmall && !(checkFinite || timed || _traced))
                RunSmall(cancellation);
            else if (RunInstructions(parkAt, checkFinite, helpers, cancellation) is var status and not ExecutionStatus.Completed)
                return status;
        }
        catch (GradientsException e)
        {
            throw Locate(e, _failed);
        }

        if (_traced && ForwardDone == 0)
            ForwardDone = Stopwatch.GetTimestamp();
        return ExecutionStatus.Completed;
    }

    /// <summary>What the call-out at which the execution waits asks for.</summary>
    /// <param name="idOf">The client's id of the node at a position.</param>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public Callout Ask(Func<int, ulong> idOf)
    {
        var kernel = (CalloutKernel)_prepared.Kernels[_instruction];
        return new Callout(idOf(_instructions[_instruction].Nodes[0].Position), kernel.Call, CalloutMemory.Read(kernel.Call, _arguments[_instruction], _pool, _account), kernel.Wanted);
    }

    /// <summary>Takes the values that the call-out asked for; they stay the caller's.</summary>
    /// <exception cref="GradientsException">INPUT_COUNT_MISMATCH, DATA_TYPE_MISMATCH, SHAPE_MISMATCH naming the node.</exception>
    public void Answer(IReadOnlyList<Tensor?> values)
    {
        try
        {
            CalloutMemory.Write((CalloutKernel)_prepared.Kernels[_instruction], values, _arguments[_instruction]);
        }
        catch (GradientsException e)
        {
            throw Locate(e);
        }

        _answered = true;
    }

    /// <summary>Names the node of the call-out at which the execution waits.</summary>
    public GradientsException Locate(GradientsException e) => Locate(e.With("op", "Custom"), _instruction);

    /// <summary>Hands over an output's buffer with its one reference.</summary>
    public PooledBuffer TakeOutput(int index)
    {
        var buffer = _outputs[index] ?? throw new InvalidOperationException("The output was taken already.");
        _outputs[index] = null;
        return buffer;
    }

    /// <summary>Hands over an output as a tensor.</summary>
    public Tensor TakeTensor(int index) => new(Plan.Outputs[index].DataType, Plan.Outputs[index].Shape, TakeOutput(index));

    /// <summary>An output that is still the execution's own; null when it was taken or nothing is reserved yet.</summary>
    internal PooledBuffer? Output(int index) => _outputs[index];

    /// <summary>Takes over a buffer of an output's size to write that output to, before one is reserved or after it was taken; it may be that of an input where <see cref="Plan.Overwritable"/> allows it.</summary>
    internal void GiveOutput(int index, PooledBuffer buffer)
    {
        if (_outputs[index] is not null)
            throw new InvalidOperationException("The output has a buffer already.");
        _outputs[index] = buffer;
    }

    /// <summary>Makes it ready to run again, whether it has completed or not, with the same bindings and the same memory. What it has written over stays so.</summary>
    internal void Rewind()
    {
        if (_together)
            _crew.End();
        (_instruction, _unit, _workSinceClock, _started, _together) = (0, 0, 0, false, false);
        ForwardDone = 0;
    }

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

        Rewind();
        Array.Clear(_inputs);
        (_ticks, _begins, _ends) = (null, null, null);
        (_account, _traced, _answered) = (null, false, false);
        _prepared.Ready.Put(this);
    }

    private GradientsException Locate(GradientsException e, int instruction)
    {
        var node = _instructions[instruction].Nodes[0];
        e.Position ??= node.Position;
        return e.With("op", node.Op);
    }

    /// <summary>A few microseconds: cancelled before the first unit or not at all.</summary>
    private void RunSmall(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var kernels = _prepared.Kernels;
        for (var i = 0; i < kernels.Length; i++)
        {
            _failed = i;
            for (long unit = 0; unit < kernels[i].UnitCount; unit++)
                kernels[i].Run(_arguments[i], unit);
        }
    }

    private ExecutionStatus RunInstructions(long parkAt, bool checkFinite, Scheduler? helpers, CancellationToken cancellation)
    {
        while (_instruction < _instructions.Length)
        {
            if (_traced && ForwardDone == 0 && _instruction == Plan.ForwardInstructions)
                ForwardDone = Stopwatch.GetTimestamp();
            if (Plan.HasCallouts && _prepared.Kernels[_instruction] is CalloutKernel)
            {
                if (!_answered)
                    return ExecutionStatus.Waiting;
                _answered = false;
            }

            var timed = _ticks is not null || _begins is not null;
            var began = timed ? Stopwatch.GetTimestamp() : 0;
            var end = _together ? _prepared.BatchEnds[_instruction] : _instruction + 1;
            var status = _together && _prepared.IsParallel[_instruction]
                ? RunShared(end, parkAt, helpers!, cancellation)
                : RunUnits(_instruction, 0, _prepared.Kernels[_instruction].UnitCount, parkAt, cancellation);
            if (timed)
                Took(began);
            if (status == ExecutionStatus.Parked)
                return ExecutionStatus.Parked;
            if (checkFinite)
                FiniteCheck.Require(_instructions[_instruction], _arguments[_instruction].Outputs);
            _instruction = end;
            _unit = 0;
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

    private ExecutionStatus RunUnits(int instruction, long first, long end, long parkAt, CancellationToken cancellation)
    {
        var kernel = _prepared.Kernels[instruction];
        ref readonly var arguments = ref _arguments[instruction];
        var work = _prepared.UnitWork[instruction];
        _failed = instruction;
        while (_unit < end)
        {
            cancellation.ThrowIfCancellationRequested();
            kernel.Run(arguments, _unit - first);
            _unit++;

            // Behind the unit, so that however short the slice, each makes progress.
            if (parkAt != long.MaxValue && IsPast(parkAt, work))
                return ExecutionStatus.Parked;
        }

        return ExecutionStatus.Completed;
    }

    /// <summary>
    /// A batch: first, stage by stage, the concurrent units of its instructions on all threads; then, on this one, those that
    /// combine what the first have left. Units are counted through in this order.
    /// </summary>
    private ExecutionStatus RunShared(int end, long parkAt, Scheduler helpers, CancellationToken cancellation)
    {
        var kernels = _prepared.Kernels;
        var stages = 1;
        for (var i = _instruction; i < end; i++)
            stages = Math.Max(stages, kernels[i].StageCount);
        long behind = 0;
        for (var stage = 0; stage < stages; stage++)
        {
            var before = behind;
            for (var i = _instruction; i < end; i++)
                behind += kernels[i].UnitsOf(stage).Count;
            if (_unit < behind && RunConcurrent(stage, before, behind, parkAt, helpers, cancellation) == ExecutionStatus.Parked)
                return ExecutionStatus.Parked;
        }

        for (var i = _instruction; i < end; i++)
        {
            var kernel = kernels[i];
            var first = behind - kernel.ConcurrentUnits;
            behind += kernel.UnitCount - kernel.ConcurrentUnits;
            if (RunUnits(i, first, behind, parkAt, cancellation) == ExecutionStatus.Parked)
                return ExecutionStatus.Parked;
        }

        return ExecutionStatus.Completed;
    }

    private ExecutionStatus RunConcurrent(int stage, long before, long end, long parkAt, Scheduler helpers, CancellationToken cancellation)
    {
        var past = false;
        _crew.Open(_instruction, stage, before, _unit, end, helpers.IdleCount, cancellation);
        try
        {
            do
            {
                cancellation.ThrowIfCancellationRequested();
                if (helpers.IdleCount > 0 && _crew.WantsHelp)
                    helpers.Call(_crew);
                if (!_crew.TryRunOne(out var work))
                    break;
                past = parkAt != long.MaxValue && IsPast(parkAt, work);
            }
            while (!past);
        }
        finally
        {
            _unit = _crew.Close();
        }

        if (_crew.Failure is { } failure)
        {
            _failed = _crew.FailedInstruction;
            ExceptionDispatchInfo.Throw(failure);
        }

        cancellation.ThrowIfCancellationRequested();
        return past ? ExecutionStatus.Parked : ExecutionStatus.Completed;
    }

    /// <summary>Reads the clock only when enough was done since the last time: reading it costs as much as a small kernel.</summary>
    private bool IsPast(long parkAt, double work)
    {
        _workSinceClock += work;
        if (_workSinceClock < WorkBetweenClocks)
            return false;
        _workSinceClock = 0;
        return Stopwatch.GetTimestamp() >= parkAt;
    }
}
