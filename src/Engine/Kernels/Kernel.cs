namespace Gradients.Engine.Kernels;

/// <summary>Where a kernel reads and writes: one pointer an operand, already at its first element.</summary>
public unsafe struct KernelArguments
{
    public void** Inputs { get; set; }

    public void** Outputs { get; set; }

    /// <summary>The worker's own <see cref="Kernel.WorkspaceBytes"/>.</summary>
    public void* Workspace { get; set; }

    /// <summary>The execution's <see cref="Kernel.SharedBytes"/>, the same for all workers.</summary>
    public void* Shared { get; set; }
}

/// <summary>
/// A computation bound to shapes and layouts, without memory of its own, shared by all executions of a plan. Its work is
/// split by shape into <see cref="UnitCount"/> units of ten microseconds, so that threads share what is short, to a millisecond or
/// two; between units an execution can be cancelled or parked.
/// </summary>
/// <remarks>
/// The first <see cref="ConcurrentUnits"/> run stage by stage, those of a stage in any order and at the same time on several
/// threads; those behind them run one after another when the first are done. What a unit writes depends neither on which
/// units of its stage ran before it nor on how many threads there are.
/// </remarks>
public abstract unsafe class Kernel
{
    private readonly long _concurrentUnits = -1;

    public long UnitCount { get; protected init; } = 1;

    /// <summary>Units [0, this) are independent of those of their stage; the others combine what they left. The default value is <see cref="UnitCount"/>.</summary>
    public long ConcurrentUnits
    {
        get => _concurrentUnits < 0 ? UnitCount : _concurrentUnits;
        protected init => _concurrentUnits = value;
    }

    /// <summary>Stages of the concurrent units: one begins when all units of the one before it are done.</summary>
    public int StageCount { get; protected init; } = 1;

    /// <summary>
    /// Scratch bytes of one worker, 64-byte aligned; their content means nothing between units. The arena of an execution
    /// holds them once, for the thread that runs it; threads that help bring their own.
    /// </summary>
    public long WorkspaceBytes { get; protected init; }

    /// <summary>
    /// Bytes that all workers share and that stay from unit to unit, for partial results and what a stage prepares for the
    /// next; 64-byte aligned, undefined at the first unit. The arena holds them.
    /// </summary>
    public long SharedBytes { get; protected init; }

    /// <summary>Estimated floating-point operations over all units.</summary>
    public double Flops { get; protected init; }

    /// <summary>The unit behind the last of a stage of [0, <see cref="StageCount"/>).</summary>
    public virtual long StageEnd(int stage) => ConcurrentUnits;

    /// <summary>Runs one unit. Checks the data-dependent indices that it uses before it touches memory by them.</summary>
    /// <exception cref="GradientsException">OUT_OF_RANGE for an index outside its axis.</exception>
    public abstract void Run(in KernelArguments arguments, long unit);

    /// <summary>The units of a stage; none behind the last stage.</summary>
    internal (long First, long Count) UnitsOf(int stage)
    {
        if (stage >= StageCount)
            return (ConcurrentUnits, 0);
        var first = stage == 0 ? 0 : StageEnd(stage - 1);
        return (first, StageEnd(stage) - first);
    }
}
