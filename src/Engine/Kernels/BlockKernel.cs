namespace Gradients.Engine.Kernels;

/// <summary>A rectangle of a row-major matrix.</summary>
public readonly record struct Block(long Row, long Rows, long Column, long Columns);

/// <summary>
/// A kernel with one output, seen as a row-major matrix [rows, columns], whose concurrent units each finish some
/// rectangles of it, or none: an elementwise epilogue (bias, activation, residual) runs over them while they are in cache.
/// </summary>
public abstract class BlockKernel : Kernel
{
    /// <summary>The length of the matrix's rows.</summary>
    public long Columns { get; protected init; }

    /// <summary>How many rectangles a unit of [0, <see cref="Kernel.ConcurrentUnits"/>) finishes.</summary>
    public virtual int BlocksOf(long unit) => 1;

    /// <summary>One of them; those of all units together cover the matrix once.</summary>
    public abstract Block BlockOf(long unit, int index);
}
