using Gradients.Engine.Graph;

namespace Gradients.Testing;

/// <summary>Convolutions, pools and their adjoints from their definitions: every pair of a window's position and element, one by one.</summary>
internal static class ScalarWindows
{
    private sealed record Axis(int Input, int Kernel, int Output, int Stride, int Dilation, int Pad);

    /// <summary>Values and bounds, or null for another op. A sum of n terms is within n · ε · Σ |tᵢ|, and unbounded where that overflows or zeros of the padding meet an infinity.</summary>
    public static (double[] Values, double[] Bounds)? Of(Node node, double[][] inputs, double epsilon, double largest)
    {
        if (node.Op!.Name == "PoolPick")
            return ([.. inputs[1].Select(i => i < 0 ? node.Attributes.Float("empty", 0) : inputs[0][(long)i])], new double[inputs[1].Length]);
        var (values, sizes, counts) = (new double[node.Shape.ElementCount], new double[node.Shape.ElementCount], new int[node.Shape.ElementCount]);
        void Add(long target, double term)
        {
            values[target] += term;
            sizes[target] += Math.Abs(term);
            counts[target]++;
        }

        switch (node.Op.Name)
        {
            case "Convolution" or "ConvolutionDataGradient" or "ConvolutionWeightGradient":
                Convolve(node, inputs, Add);
                break;
            case "MaxPoolIndices":
                Array.Fill(values, -1);
                Windows(node, (outer, inner) =>
                {
                    double value = inputs[0][inner], old = values[outer] < 0 ? 0 : inputs[0][(long)values[outer]];
                    if (values[outer] < 0 || (!(value <= old) && !double.IsNaN(old)))
                        values[outer] = inner;
                });
                return (values, new double[values.Length]);
            case "PoolPlace":
                for (var j = 0; j < inputs[1].Length; j++)
                {
                    if (inputs[1][j] >= 0)
                        Add((long)inputs[1][j], inputs[0][j]);
                }

                break;
            default:
                return null;
        }

        var finite = inputs.All(x => x.All(double.IsFinite));
        return (values, [.. values.Select((_, i) => finite && sizes[i] * 64 < largest ? (counts[i] + 3) * epsilon * sizes[i] : double.PositiveInfinity)]);
    }

    private static Axis[] Axes(Node node)
    {
        long[] Of(string name) => node.Attributes.Ints(name)!;
        Axis[] axes = [.. Enumerable.Range(0, Of("input").Length).Select(d => new Axis((int)Of("input")[d], (int)Of("kernel")[d], (int)Of("output")[d], (int)Of("strides")[d], (int)Of("dilations")[d], (int)Of("pads")[d]))];
        return axes.Length == 2 ? axes : [new(1, 1, 1, 1, 1, 0), axes[0]];
    }

    /// <summary>Visits (position of the window, position of the input, position of the kernel) of one plane.</summary>
    private static void Pairs(Axis[] axes, Action<int, int, int> visit)
    {
        var (rows, columns) = (axes[0], axes[1]);
        for (var o = 0; o < rows.Output * columns.Output; o++)
        {
            for (var k = 0; k < rows.Kernel * columns.Kernel; k++)
            {
                var y = (o / columns.Output * rows.Stride) + (k / columns.Kernel * rows.Dilation) - rows.Pad;
                var x = (o % columns.Output * columns.Stride) + (k % columns.Kernel * columns.Dilation) - columns.Pad;
                if (y >= 0 && y < rows.Input && x >= 0 && x < columns.Input)
                    visit(o, (y * columns.Input) + x, k);
            }
        }
    }

    private static void Windows(Node node, Action<long, long> visit)
    {
        var axes = Axes(node);
        long outer = (long)axes[0].Output * axes[1].Output, inner = (long)axes[0].Input * axes[1].Input;
        for (long plane = 0; plane < node.Shape[0] * node.Shape[1]; plane++)
            Pairs(axes, (o, i, _) => visit((plane * outer) + o, (plane * inner) + i));
    }

    private static void Convolve(Node node, double[][] inputs, Action<long, double> add)
    {
        var (axes, group) = (Axes(node), node.Attributes.Int("group", 1));
        var isForward = node.Op!.Name == "Convolution";
        var isData = node.Op.Name == "ConvolutionDataGradient";
        var weights = isForward || isData ? node.Inputs[1].Shape : node.Shape;
        long batch = isForward || isData ? node.Shape[0] : node.Inputs[0].Shape[0], filters = weights[0], channels = weights[1];
        long outer = (long)axes[0].Output * axes[1].Output, inner = (long)axes[0].Input * axes[1].Input, kernel = (long)axes[0].Kernel * axes[1].Kernel;
        for (long n = 0; n < batch; n++)
        {
            for (long m = 0; m < filters; m++)
            {
                for (long c = 0; c < channels; c++)
                {
                    Pairs(axes, (o, i, k) =>
                    {
                        long y = (((n * filters) + m) * outer) + o, w = (((m * channels) + c) * kernel) + k;
                        var x = (((n * channels * group) + (m / (filters / group) * channels) + c) * inner) + i;
                        if (isForward)
                            add(y, inputs[0][x] * inputs[1][w]);
                        else if (isData)
                            add(x, inputs[0][y] * inputs[1][w]);
                        else
                            add(w, inputs[0][x] * inputs[1][y]);
                    });
                }
            }
        }
    }
}
