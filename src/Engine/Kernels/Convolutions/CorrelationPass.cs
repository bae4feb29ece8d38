namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>One axis of a pass: positions t in [Shift, Shift + Count) go to outputs First, First + Step, …</summary>
internal readonly record struct PassAxis(int Shift, int Count, int First, int Step);

/// <summary>
/// A part of a convolution whose taps are the same for all of its outputs: Σ over taps p of
/// weights[row, WeightOffsets[p]] · source[Offsets[p] + q]. A convolution is one pass; its data gradient is one for each
/// remainder of the output's position by the stride, since each remainder meets kernel elements of its own.
/// </summary>
internal sealed class CorrelationPass(PassAxis rows, PassAxis columns, long[] offsets, long[] weightOffsets)
{
    public PassAxis Rows { get; } = rows;

    public PassAxis Columns { get; } = columns;

    /// <summary>Pinned: loops read them through pointers.</summary>
    public long[] Offsets { get; } = Pinned(offsets);

    public long[] WeightOffsets { get; } = weightOffsets;

    public int Taps => Offsets.Length;

    public static long[] Pinned(long[] values)
    {
        var pinned = GC.AllocateUninitializedArray<long>(values.Length, pinned: true);
        values.CopyTo(pinned, 0);
        return pinned;
    }
}
