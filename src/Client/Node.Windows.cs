using Gradients.Engine.Graph;

namespace Gradients.Client;

/// <summary>Where a sliding window lies; each list holds one number a spatial axis, <see cref="Pads"/> those in front and then those behind.</summary>
public sealed record Window
{
    /// <summary>Steps. Default 1 along each axis.</summary>
    public long[]? Strides { get; init; }

    /// <summary>Distances of neighbouring kernel elements. Default 1. Not for average pools.</summary>
    public long[]? Dilations { get; init; }

    /// <summary>Elements added in front along each axis, then behind. Default 0.</summary>
    public long[]? Pads { get; init; }

    /// <summary>Pads so that the output has ceil(input / stride) elements, an odd one behind. Default false.</summary>
    public bool Same { get; init; }

    /// <summary>Whether windows that overhang behind count; for pools. Default false.</summary>
    public bool Ceil { get; init; }

    internal Attributes With(params ReadOnlySpan<(string, object)> others)
    {
        List<(string, object)> entries = [.. others];
        if (Strides is not null)
            entries.Add(("strides", Strides));
        if (Dilations is not null)
            entries.Add(("dilations", Dilations));
        if (Pads is not null)
            entries.Add(("pads", Pads));
        if (Same)
            entries.Add(("auto_pad", "SAME_UPPER"));
        if (Ceil)
            entries.Add(("ceil_mode", 1L));
        return Attributes.Of([.. entries]);
    }
}

public partial class Node
{
    /// <summary>The convolution of this, [N, C, W] or [N, C, H, W], with weights [M, C / groups, kernel…]; nothing is flipped.</summary>
    /// <param name="weights">The filters.</param>
    /// <param name="bias">One number a filter, [M].</param>
    /// <param name="window">Strides, dilations and pads.</param>
    /// <param name="groups">Groups that channels and filters are divided into. Default 1.</param>
    public Node Conv(Node weights, Node? bias = null, Window? window = null, long groups = 1)
    {
        var attributes = (window ?? new()).With(("group", groups));
        return bias is null ? Of("Conv", attributes, this, weights) : Of("Conv", attributes, this, weights, bias);
    }

    /// <summary>The largest element of each window over the spatial axes; the first of equal ones takes the gradient.</summary>
    /// <param name="kernel">Sizes of the window.</param>
    /// <param name="window">Strides, dilations and pads; what is padded counts as nothing.</param>
    public Node MaxPool(long[] kernel, Window? window = null) => Of("MaxPool", (window ?? new()).With(("kernel_shape", kernel)), this);

    /// <summary>The mean of each window over the spatial axes.</summary>
    /// <param name="kernel">Sizes of the window.</param>
    /// <param name="window">Strides and pads.</param>
    /// <param name="countPads">Whether the mean counts the padding's zeros. Default false.</param>
    public Node AveragePool(long[] kernel, Window? window = null, bool countPads = false) =>
        Of("AveragePool", (window ?? new()).With(("kernel_shape", kernel), ("count_include_pad", countPads ? 1L : 0L)), this);

    /// <summary>The largest element over all spatial axes of [N, C, spatial…], which become 1.</summary>
    public Node GlobalMaxPool() => Of("GlobalMaxPool", this);

    /// <summary>The mean over all spatial axes of [N, C, spatial…], which become 1.</summary>
    public Node GlobalAveragePool() => Of("GlobalAveragePool", this);

    /// <summary>softmax(scale · this · keysᵀ + mask) · values, for queries [B, H, T, D], keys [B, H, S, D] and values [B, H, S, E]; 0 for a query that sees no key.</summary>
    /// <param name="keys">What queries are compared with.</param>
    /// <param name="values">What is averaged.</param>
    /// <param name="mask">Broadcasts to [B, H, T, S]: bool keeps a key where true, a number is added to the score.</param>
    /// <param name="isCausal">Whether query i sees keys 0 to i only. Default false.</param>
    /// <param name="scale">Default 1 / √D.</param>
    public Node Attention(Node keys, Node values, Node? mask = null, bool isCausal = false, double? scale = null)
    {
        var attributes = scale is { } s ? Attributes.Of(("is_causal", isCausal ? 1L : 0L), ("scale", s)) : Attributes.Of(("is_causal", isCausal ? 1L : 0L));
        return mask is null ? Of("Attention", attributes, this, keys, values) : Of("Attention", attributes, this, keys, values, mask);
    }
}
