using System.Diagnostics;
using System.Numerics;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

/// <summary>
/// The threads that run one execution: the one that owns it and those that help. The owner opens a batch, all take units of
/// it one by one, the owner closes it and waits for the units that others have taken. A helper holds nothing between two
/// units, so it may come, stay and go at any time, also past the end of the execution and into its next run.
/// </summary>
internal sealed unsafe class Crew(PreparedPlan plan, KernelArguments* arguments)
{
    private const int MaxHelpers = 64;

    private readonly UnitDispenser _units = new();
    private readonly Lock _gate = new();
    private readonly PooledBuffer?[] _buffers = new PooledBuffer?[MaxHelpers];
    private readonly nint[] _workspaces = new nint[MaxHelpers];
    private CancellationToken _cancellation;
    private BufferPool _pool = null!;
    private Quota? _account;
    private PooledBuffer? _own;

    // A bit a helper: who is here, and for whom a workspace was asked for in this run. Who comes takes the lowest bit.
    private ulong _present;
    private ulong _served;
    private int _first;
    private int _stage;
    private long _before;
    private long _from;
    private long _end;
    private long _doneBefore;
    private long _taken;
    private Exception? _failure;
    private long _failedUnit;

    /// <summary>The queue that pays for helpers' time; null when the owner is no thread of the scheduler.</summary>
    public WorkQueue? Payer { get; private set; }

    /// <summary>Whether it waits for a helper to come; written under the scheduler's lock.</summary>
    public bool Listed { get; set; }

    /// <summary>Whether there are units that another thread could take.</summary>
    public bool WantsHelp => _units.IsOpen && Volatile.Read(ref _present) != ulong.MaxValue;

    /// <summary>What the first unit that failed threw.</summary>
    public Exception? Failure => _failure;

    /// <summary>The instruction whose unit that was.</summary>
    public int FailedInstruction { get; private set; }

    /// <summary>Takes a workspace for the owner; false when the budget has no room for it.</summary>
    public bool TryStart(BufferPool pool, Quota? account, WorkQueue? payer)
    {
        (_pool, _account, Payer) = (pool, account, payer);
        _own = TryRent();
        return _own is not null;
    }

    /// <summary>Gives the workspaces back.</summary>
    public void End()
    {
        _own?.Release();
        _own = null;
        for (var helpers = _served; helpers != 0; helpers &= helpers - 1)
        {
            var helper = BitOperations.TrailingZeroCount(helpers);
            _buffers[helper]?.Release();
            _buffers[helper] = null;
            _workspaces[helper] = 0;
        }

        (_served, _failure, _cancellation, Payer) = (0, null, default, null);
    }

    /// <summary>Opens units [from, end) of a stage of the batch that begins at an instruction.</summary>
    /// <param name="before">Units of the stages before.</param>
    /// <param name="coming">How many helpers may come besides those who are here.</param>
    /// <param name="cancellation">Keeps helpers from taking more.</param>
    public void Open(int first, int stage, long before, long from, long end, int coming, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        (_first, _stage, _before) = (first, stage, before);
        (_from, _end, _taken, _doneBefore) = (from, end, 0, _units.DoneCount);
        Serve((int)Math.Min(end - from - 1, MaxHelpers - 1), coming);
        _units.Open(from, end);
    }

    /// <summary>Runs one unit on the owner's thread; false when none is left.</summary>
    /// <param name="work">Its estimated work.</param>
    public bool TryRunOne(out double work)
    {
        work = 0;
        var permit = (nint)_own!.Pointer;
        if (!_units.TryTake(ref permit, out var unit))
            return false;
        _taken++;
        work = RunUnit(unit, (void*)permit);
        return true;
    }

    /// <summary>Ends the batch, waits for what others have taken, and returns the first unit that nobody has run.</summary>
    public long Close()
    {
        var next = _end - _units.Close();
        var byHelpers = next - _from - _taken;
        var wait = new SpinWait();
        while (_units.DoneCount - _doneBefore != byHelpers)
            wait.SpinOnce(sleep1Threshold: -1);
        return next;
    }

    /// <summary>
    /// Takes units until none have come for a while, the time slice is over, or the thread is wanted elsewhere.
    /// </summary>
    /// <param name="stays">Whether there may be more behind the slice.</param>
    /// <returns>Stopwatch ticks spent on units.</returns>
    public long Help(Scheduler scheduler, long until, out bool stays)
    {
        stays = false;
        var helper = Enter();
        if (helper < 0)
            return 0;
        long busy = 0;
        var idleSince = Stopwatch.GetTimestamp();
        while (!scheduler.HasWaiting)
        {
            // A copy: the owner may clear the field between the two looks that the property takes at it.
            var cancellation = _cancellation;
            if (cancellation.IsCancellationRequested || !_units.TryTake(ref _workspaces[helper], out var unit))
            {
                Thread.SpinWait(4);
                if (Stopwatch.GetTimestamp() - idleSince > scheduler.SpinTicks)
                    break;
                continue;
            }

            var began = Stopwatch.GetTimestamp();
            RunUnit(unit, (void*)_workspaces[helper]);
            _units.Done();
            idleSince = Stopwatch.GetTimestamp();
            busy += idleSince - began;
            stays = idleSince >= until;
            if (stays)
                break;
        }

        Interlocked.And(ref _present, ~(1UL << helper));
        return busy;
    }

    private int Enter()
    {
        while (true)
        {
            var present = Volatile.Read(ref _present);
            var helper = BitOperations.TrailingZeroCount(~present);
            if (helper == MaxHelpers)
                return -1;
            if (Interlocked.CompareExchange(ref _present, present | (1UL << helper), present) == present)
                return helper;
        }
    }

    /// <summary>Rents a workspace for each helper that is here or may come; one that gets none takes no units.</summary>
    private void Serve(int most, int coming)
    {
        var present = Volatile.Read(ref _present);
        var wanted = (1UL << Math.Min(most, BitOperations.PopCount(present) + coming)) - 1;
        for (var helpers = (present | wanted) & ~_served; helpers != 0; helpers &= helpers - 1)
        {
            var helper = BitOperations.TrailingZeroCount(helpers);
            _served |= 1UL << helper;
            _buffers[helper] = TryRent();
            Volatile.Write(ref _workspaces[helper], (nint)(_buffers[helper] is { } buffer ? buffer.Pointer : null));
        }
    }

    private PooledBuffer? TryRent()
    {
        try
        {
            return _pool.Rent(plan.HelperWorkspaceBytes, "workspace", _account);
        }
        catch (GradientsException)
        {
            return null;
        }
    }

    /// <summary>Runs a unit of the open stage, counted over the batch. A failure closes the batch.</summary>
    private double RunUnit(long unit, void* workspace)
    {
        var index = _first;
        var own = unit - _before;
        var (start, count) = plan.Kernels[index].UnitsOf(_stage);
        while (own >= count)
        {
            own -= count;
            (start, count) = plan.Kernels[++index].UnitsOf(_stage);
        }

        var bound = arguments[index];
        bound.Workspace = workspace;
        try
        {
            plan.Kernels[index].Run(bound, start + own);
        }
        catch (Exception e)
        {
            Fail(unit, index, e);
        }

        return plan.UnitWork[index];
    }

    /// <summary>
    /// Keeps the failure of the lowest unit. Units are taken in order, so all below it have been taken and run: which failure
    /// is reported does not depend on the threads.
    /// </summary>
    private void Fail(long unit, int instruction, Exception e)
    {
        lock (_gate)
        {
            if (_failure is null || unit < _failedUnit)
                (_failure, _failedUnit, FailedInstruction) = (e, unit, instruction);
        }

        // Nobody runs these: they count as done.
        _units.Done(_units.Close());
    }
}
