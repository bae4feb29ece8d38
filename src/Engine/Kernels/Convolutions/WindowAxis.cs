namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// One spatial axis of a sliding window: position o of the output meets kernel element k at input o·Stride + k·Dilation − Pad,
/// which counts as zero (or as nothing, for a pool) outside [0, Input).
/// </summary>
/// <param name="Input">Elements of the input.</param>
/// <param name="Kernel">Elements of the window.</param>
/// <param name="Output">Positions of the window.</param>
/// <param name="Stride">Input elements from one position to the next.</param>
/// <param name="Dilation">Input elements from one kernel element to the next.</param>
/// <param name="Pad">Elements in front of the input; those behind it follow from <paramref name="Output"/>.</param>
public readonly record struct WindowAxis(int Input, int Kernel, int Output, int Stride, int Dilation, int Pad)
{
    /// <summary>The axis of length 1 that a one-dimensional convolution has for its rows.</summary>
    public static readonly WindowAxis One = new(1, 1, 1, 1, 1, 0);

    /// <summary>Whole strides between the first and the last kernel element.</summary>
    internal int Reach => (int)((Kernel - 1L) * Dilation / Stride);

    /// <summary>Whether every window lies inside the input.</summary>
    internal bool IsCovered => Pad == 0 && ((Output - 1L) * Stride) + ((Kernel - 1L) * Dilation) < Input;

    /// <summary>The kernel elements [first, end) of a position that lie inside the input.</summary>
    internal (int First, int End) Inside(int output)
    {
        var start = ((long)output * Stride) - Pad;
        var first = start >= 0 ? 0 : (-start + Dilation - 1) / Dilation;
        var end = start >= Input ? 0 : Math.Min(Kernel, ((Input - 1 - start) / Dilation) + 1);
        return ((int)Math.Min(first, Kernel), (int)Math.Max(Math.Min(first, Kernel), end));
    }
}

/// <summary>The sizes of y[N, G·M, …] = x[N, G·C, …] ∗ w[G·M, C, …]; a one-dimensional one has <see cref="WindowAxis.One"/> for its rows.</summary>
/// <param name="Batch">N.</param>
/// <param name="Groups">G.</param>
/// <param name="Channels">C, of one group.</param>
/// <param name="Filters">M, of one group.</param>
/// <param name="Rows">The vertical axis.</param>
/// <param name="Columns">The horizontal axis.</param>
public sealed record ConvolutionShape(int Batch, int Groups, int Channels, int Filters, WindowAxis Rows, WindowAxis Columns)
{
    internal int KernelElements => Rows.Kernel * Columns.Kernel;

    /// <summary>Multiply-adds of the product and of each of its two gradients.</summary>
    public double Products => (double)Batch * Groups * Channels * Filters * KernelElements * Rows.Output * Columns.Output;
}
