namespace Gradients.Engine.Kernels;

/// <summary>Where a kernel reads and writes: one pointer an operand, already at its first element.</summary>
public unsafe struct KernelArguments
{
    public void** Inputs { get; set; }

    public void** Outputs { get; set; }

    /// <summary><see cref="Kernel.WorkspaceBytes"/> for the unit that runs: each running unit has its own.</summary>
    public void* Workspace { get; set; }

    /// <summary><see cref="Kernel.SharedBytes"/> that all units of one run of the kernel see.</summary>
    public void* Shared { get; set; }
}

/// <summary>
/// A computation bound to shapes and layouts, without memory of its own, shared by all executions of a plan. Its work is
/// split by shape into <see cref="UnitCount"/> units of at most about a millisecond; between units an execution can be
/// cancelled or parked. The bits do not depend on how units are grouped, ordered or spread over threads.
/// </summary>
public abstract unsafe class Kernel
{
    private readonly long? _concurrentUnits;

    public long UnitCount { get; protected init; } = 1;

    /// <summary>
    /// The first so many units are independent: they run in any order and at the same time on several threads. The others
    /// run behind them, one after another in increasing order. All units are independent unless a kernel says otherwise.
    /// </summary>
    public long ConcurrentUnits
    {
        get => _concurrentUnits ?? UnitCount;
        protected init => _concurrentUnits = value;
    }

    /// <summary>Scratch bytes of a running unit, 64-byte aligned; the content means nothing when a unit starts.</summary>
    public long WorkspaceBytes { get; protected init; }

    /// <summary>Bytes for what units leave for later ones, 64-byte aligned, undefined at first.</summary>
    public long SharedBytes { get; protected init; }

    /// <summary>Estimated floating-point operations over all units.</summary>
    public double Flops { get; protected init; }

    /// <summary>Runs one unit. Checks data-dependent indices before it touches memory by them.</summary>
    /// <exception cref="GradientsException">OUT_OF_RANGE for an index outside its axis.</exception>
    public abstract void Run(in KernelArguments arguments, long unit);
}

/// <summary>A rectangle of a row-major matrix.</summary>
public readonly record struct Block(long Row, long Rows, long Column, long Columns);

/// <summary>
/// A kernel whose one output is seen as a row-major matrix [rows, columns] of which each unit finishes a rectangle: what follows
/// element by element can be done to the rectangle while it is in cache. All units are independent.
/// </summary>
public abstract unsafe class BlockKernel : Kernel
{
    /// <summary>The length of the output's rows; the last dimension of the output for a matrix product.</summary>
    public long Columns { get; protected init; }

    /// <summary>What the unit writes, and no other unit.</summary>
    public abstract Block BlockOf(long unit);
}
