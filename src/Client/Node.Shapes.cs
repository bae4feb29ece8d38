using Gradients.Engine.Graph;

namespace Gradients.Client;

public partial class Node
{
    /// <summary>The dimensions as an int64 vector; shapes computed from it are known when the plan is made.</summary>
    public Node ShapeOf() => Of("Shape", this);

    /// <summary>The elements in row-major order under another shape: 0 copies this dimension, one −1 is inferred.</summary>
    public Node Reshape(params ReadOnlySpan<long> shape) => Of("Reshape", this, Context.Ints(shape));

    /// <summary>The elements under a shape computed from constants and shapes.</summary>
    public Node Reshape(Node shape) => Of("Reshape", this, shape);

    /// <summary>Dimension i of the result is dimension permutation[i] of this; none reverses them.</summary>
    public Node Transpose(params ReadOnlySpan<long> permutation) =>
        Of("Transpose", permutation.Length == 0 ? Attributes.None : Attributes.Of(("perm", permutation.ToArray())), this);

    /// <summary>Broadcast with a shape: the result has the broadcast of both.</summary>
    public Node Expand(params ReadOnlySpan<long> shape) => Of("Expand", this, Context.Ints(shape));

    /// <summary>Broadcast with a shape computed from constants and shapes.</summary>
    public Node Expand(Node shape) => Of("Expand", this, shape);

    /// <summary>Removes dimensions of length 1; all of them when none is named.</summary>
    public Node Squeeze(params ReadOnlySpan<long> axes) => axes.Length == 0 ? Of("Squeeze", this) : Of("Squeeze", this, Context.Ints(axes));

    /// <summary>Inserts dimensions of length 1 at axes, which count in the result.</summary>
    public Node Unsqueeze(params ReadOnlySpan<long> axes) => Of("Unsqueeze", this, Context.Ints(axes));

    /// <summary>The elements start, start + step, … before end along one axis; bounds are clamped, negative ones count from the end.</summary>
    public Node Slice(long axis, long start, long end, long step = 1) =>
        Of("Slice", this, Context.Ints([start]), Context.Ints([end]), Context.Ints([axis]), Context.Ints([step]));

    /// <summary>Slices along several axes.</summary>
    /// <param name="starts">The first index, one an axis.</param>
    /// <param name="ends">One behind the last index, one an axis.</param>
    /// <param name="axes">Default the first axes in order.</param>
    /// <param name="steps">Not 0; negative ones run backwards. Default 1.</param>
    public Node Slice(long[] starts, long[] ends, long[]? axes = null, long[]? steps = null) =>
        steps is not null ? Of("Slice", this, Context.Ints(starts), Context.Ints(ends), axes is null ? null : Context.Ints(axes), Context.Ints(steps))
        : axes is not null ? Of("Slice", this, Context.Ints(starts), Context.Ints(ends), Context.Ints(axes))
        : Of("Slice", this, Context.Ints(starts), Context.Ints(ends));

    /// <summary>Entries of an axis by int64 index: the axis is replaced by the dimensions of <paramref name="indices"/>. Negative ones count from the end.</summary>
    /// <exception cref="GradientsClientException">When computed: INDEX_OUT_OF_RANGE.</exception>
    public Node Gather(Node indices, long axis = 0) => Of("Gather", Attributes.Of(("axis", axis)), this, indices);

    /// <summary>Joins nodes along an axis; all other dimensions are equal.</summary>
    public static Node Concat(long axis, params ReadOnlySpan<Node> nodes) => Of("Concat", Attributes.Of(("axis", axis)), [.. nodes]);
}
