namespace Gradients.Engine.Kernels;

/// <summary>
/// How a contiguous [outer, reduce, inner] block is cut. A task is one outer index, one chunk of the reduced axis and
/// one run of inner columns. With one chunk a task writes the output and units hold several tasks; with more, each
/// unit is one task that leaves states [outer, chunks, inner] in the shared block, and a last unit combines them.
/// Depends on the shape alone.
/// </summary>
internal readonly struct ReductionPlan
{
    /// <summary>Elements per unit, well below a millisecond also for LogSumExp.</summary>
    public const long UnitElements = 1 << 18;

    /// <summary>Longest run of contiguous elements that is folded as one.</summary>
    public const int BlockElements = 1024;

    /// <summary>Most columns that are folded side by side.</summary>
    public const int BlockColumns = 1024;

    /// <summary>Rows that are folded as one.</summary>
    public const int BlockRows = 128;

    public ReductionPlan(long outer, long reduce, long inner)
    {
        long columns = Math.Clamp(inner, 1, BlockColumns);
        ChunkLength = UnitElements / columns;
        Chunks = Math.Max(1, (reduce + ChunkLength - 1) / ChunkLength);
        ColumnBlocks = (inner + BlockColumns - 1) / BlockColumns;
        Tasks = outer * Chunks * ColumnBlocks;
        TasksPerUnit = Chunks > 1 ? 1 : Math.Max(1, UnitElements / (Math.Max(1, reduce) * columns));
        TaskUnits = (Tasks + TasksPerUnit - 1) / TasksPerUnit;
    }

    /// <summary>Elements of the reduced axis per chunk.</summary>
    public long ChunkLength { get; }

    public long Chunks { get; }

    public long ColumnBlocks { get; }

    public long Tasks { get; }

    public long TasksPerUnit { get; }

    public long TaskUnits { get; }

    public int UnitCount => checked((int)(TaskUnits + (Chunks > 1 && TaskUnits > 0 ? 1 : 0)));
}
