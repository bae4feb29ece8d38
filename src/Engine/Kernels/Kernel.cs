namespace Gradients.Engine.Kernels;

/// <summary>Where a kernel reads and writes: one pointer an operand, already at its first element.</summary>
public unsafe struct KernelArguments
{
    public void** Inputs { get; set; }

    public void** Outputs { get; set; }

    public void* Workspace { get; set; }
}

/// <summary>
/// A computation bound to shapes and layouts, without memory of its own, shared by all executions of a plan. Its work is
/// split by shape into <see cref="UnitCount"/> units of at most about a millisecond; between units an execution can be
/// cancelled or parked. Units run in increasing order and the bits do not depend on how they are grouped.
/// </summary>
public abstract unsafe class Kernel
{
    public long UnitCount { get; protected init; } = 1;

    /// <summary>Scratch bytes, 64-byte aligned, undefined at the first unit and kept between the units.</summary>
    public long WorkspaceBytes { get; protected init; }

    /// <summary>Estimated floating-point operations over all units.</summary>
    public double Flops { get; protected init; }

    /// <summary>Runs one unit. Checks data-dependent indices before it touches memory by them.</summary>
    /// <exception cref="GradientsException">OUT_OF_RANGE for an index outside its axis.</exception>
    public abstract void Run(in KernelArguments arguments, long unit);
}
