using Gradients.Engine.Tensors;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>What hides keys from queries besides causality.</summary>
internal enum MaskKind
{
    None,

    /// <summary>Bytes: a key counts where it is not 0.</summary>
    Boolean,

    /// <summary>Numbers added to the scores.</summary>
    Additive,
}

/// <summary>A tensor [B, H, rows, width] whose rows are contiguous.</summary>
internal readonly record struct HeadLayout(long Batch, long Head, long Row, long Column)
{
    public static HeadLayout Of(Layout layout) => new(layout.Strides[0], layout.Strides[1], layout.Strides[2], layout.Strides[3]);

    public long Start(long head, int heads) => (head / heads * Batch) + (head % heads * Head);
}

/// <summary>
/// y = softmax(scale · q kᵀ + mask) v for q[B, H, T, D], k[B, H, S, D], v[B, H, S, E]. With <paramref name="IsCausal"/> query i
/// sees keys 0 … i.
/// </summary>
internal sealed record AttentionShape(long Batch, int Heads, int Queries, int Keys, int Width, int ValueWidth, double Scale, bool IsCausal, MaskKind Mask)
{
    /// <summary>Queries, and keys, of a tile: its scores and the rows that they come from stay in the second-level cache.</summary>
    public const int Tile = 128;

    public long HeadCount => Batch * Heads;

    /// <summary>Keys that any of the queries before an end sees.</summary>
    public int KeysBefore(int endQuery) => IsCausal ? Math.Min(Keys, endQuery) : Keys;

    /// <summary>Query i of a tile sees key j of another up to j = i + this; with as many as a tile has it sees all.</summary>
    public int Visible(int query, int key) => IsCausal ? Math.Min(Tile, query - key) : Tile;

    /// <summary>Rows of y, dq, dk or dv are row-major.</summary>
    public long YElements => HeadCount * Queries * ValueWidth;
}
