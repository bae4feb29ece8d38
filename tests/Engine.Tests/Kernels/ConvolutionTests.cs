using System.Numerics;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>
/// The three products of a convolution against plain loops. The elements are small whole numbers, whose sums have no
/// rounding: results are equal, not close.
/// </summary>
public unsafe class ConvolutionTests
{
    private static readonly ConvolutionShape[] Given =
    [
        // First layers, depthwise layers, pointwise layers; bands of rows, blocks of taps, channels and filters.
        new(64, 1, 1, 6, Axis(28, 5, 1, 1, 2, 2), Axis(28, 5, 1, 1, 2, 2)),
        new(17, 1, 6, 16, Axis(14, 5, 1, 1, 0, 0), Axis(14, 5, 1, 1, 0, 0)),
        new(1, 1, 3, 20, Axis(60, 7, 2, 1, 3, 3), Axis(61, 7, 2, 1, 3, 3)),
        new(2, 1, 70, 33, Axis(9, 3, 1, 1, 1, 1), Axis(8, 3, 1, 1, 1, 1)),
        new(1, 1, 300, 150, Axis(3, 3, 1, 1, 1, 1), Axis(4, 3, 1, 1, 1, 1)),
        new(3, 40, 1, 1, Axis(17, 3, 1, 1, 1, 1), Axis(18, 3, 1, 1, 1, 1)),
        new(2, 5, 1, 2, Axis(40, 5, 2, 1, 2, 2), Axis(37, 3, 2, 1, 0, 1)),
        new(2, 1, 64, 130, Axis(30, 1, 1, 1, 0, 0), Axis(50, 1, 1, 1, 0, 0)),
        new(1, 1, 4, 130, Axis(30, 3, 1, 1, 1, 1), Axis(50, 3, 1, 1, 1, 1)),
        new(1, 1, 2, 3, WindowAxis.One, Axis(5000, 9, 1, 4, 8, 0)),
        // Tiles of three registers, of every height, and weight gradients of whole panels of filters.
        new(1, 1, 9, 2, Axis(30, 3, 1, 1, 1, 1), Axis(47, 3, 1, 1, 1, 1)),
        new(1, 1, 5, 4, Axis(30, 3, 1, 1, 1, 1), Axis(47, 3, 1, 1, 1, 1)),
        new(1, 1, 5, 6, Axis(30, 3, 2, 1, 1, 1), Axis(93, 3, 1, 1, 1, 1)),
        new(2, 1, 5, 64, Axis(20, 3, 1, 1, 1, 1), Axis(23, 3, 1, 1, 1, 1)),
        new(1, 2, 3, 128, Axis(17, 3, 2, 1, 1, 1), Axis(19, 5, 1, 1, 2, 2)),
        new(1, 1, 2, 192, Axis(9, 3, 1, 1, 0, 0), Axis(40, 3, 1, 1, 1, 1)),
        // Tiles of a single register.
        new(1, 1, 4, 36, Axis(3, 3, 1, 1, 1, 1), Axis(4, 3, 1, 1, 1, 1)),
        // Images side by side in registers.
        new(30, 2, 6, 16, Axis(14, 5, 1, 1, 0, 0), Axis(13, 5, 1, 1, 0, 0)),
        new(32, 1, 9, 20, Axis(9, 3, 2, 1, 1, 1), Axis(11, 3, 2, 1, 1, 1)),
        new(0, 1, 2, 3, Axis(4, 3, 1, 1, 0, 0), Axis(4, 3, 1, 1, 0, 0)),
        new(2, 1, 0, 3, Axis(4, 3, 1, 1, 0, 0), Axis(4, 3, 1, 1, 0, 0)),
    ];

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Given.Length)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Shapes_of_layers(int which)
    {
        Check<float>(Given[which], which);
        Check<double>(Given[which], which);
    }

    /// <summary>Units of the weight gradient that have two blocks of channels, the last of which lacks a channel.</summary>
    [Fact]
    public void Some_blocks_of_channels_in_a_unit() =>
        Check<float>(new ConvolutionShape(1, 1, 51, 32, Axis(197, 3, 1, 1, 1, 1), Axis(200, 3, 1, 1, 1, 1)), 7);

    [Fact]
    public void Drawn_shapes()
    {
        var random = new Random(11);
        for (var i = 0; i < 400; i++)
        {
            var isDepthwise = i % 5 == 0;
            var shape = new ConvolutionShape(random.Next(1, 5), random.Next(1, 4), isDepthwise ? 1 : random.Next(1, 6), isDepthwise ? 1 : random.Next(1, 16), Draw(random), random.Next(4) == 0 ? WindowAxis.One : Draw(random));
            if (i % 2 == 0)
                Check<float>(shape, i);
            else
                Check<double>(shape, i);
        }
    }

    private static WindowAxis Draw(Random random)
    {
        while (true)
        {
            int kernel = random.Next(1, 6), dilation = random.Next(1, 4), front = random.Next(0, 5), behind = random.Next(0, 5), input = random.Next(1, 24);
            if (input + front + behind >= ((kernel - 1) * dilation) + 1)
                return Axis(input, kernel, random.Next(1, 5), dilation, front, behind);
        }
    }

    private static WindowAxis Axis(int input, int kernel, int stride, int dilation, int front, int behind) =>
        new(input, kernel, ((input + front + behind - ((kernel - 1) * dilation) - 1) / stride) + 1, stride, dilation, front);

    private static void Check<T>(ConvolutionShape shape, int seed)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        T[] Whole(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => T.CreateChecked(random.Next(-3, 4)))];
        var planes = (shape.Rows.Input * shape.Columns.Input, shape.Rows.Output * shape.Columns.Output);
        T[] x = Whole((long)shape.Batch * shape.Groups * shape.Channels * planes.Item1);
        T[] w = Whole((long)shape.Groups * shape.Filters * shape.Channels * shape.Rows.Kernel * shape.Columns.Kernel);
        T[] g = Whole((long)shape.Batch * shape.Groups * shape.Filters * planes.Item2);
        double[] y = new double[g.Length], dx = new double[x.Length], dw = new double[w.Length];
        Naive(shape, Array.ConvertAll(x, double.CreateChecked), Array.ConvertAll(w, double.CreateChecked), Array.ConvertAll(g, double.CreateChecked), y, dx, dw);
        Equal(y, Run(new CorrelationKernel<T>(Correlation.Forward(shape)), x, w, y.Length), $"{shape}: y");
        Equal(dx, Run(new CorrelationKernel<T>(Correlation.DataGradient(shape)), g, w, dx.Length), $"{shape}: dx");
        Equal(dw, Run(new WeightGradientKernel<T>(shape), x, g, dw.Length), $"{shape}: dw");
        if (shape is { Channels: 1, Filters: 1 })
            Equal(dw, Run(new DepthwiseGradientKernel<T>(shape), x, g, dw.Length), $"{shape}: depthwise dw");
    }

    private static void Naive(ConvolutionShape s, double[] x, double[] w, double[] g, double[] y, double[] dx, double[] dw)
    {
        for (var n = 0; n < s.Batch; n++)
        {
            for (var m = 0; m < s.Groups * s.Filters; m++)
            {
                for (var oy = 0; oy < s.Rows.Output; oy++)
                {
                    for (var ox = 0; ox < s.Columns.Output; ox++)
                    {
                        var to = (((((n * s.Groups * s.Filters) + m) * s.Rows.Output) + oy) * s.Columns.Output) + ox;
                        for (var c = 0; c < s.Channels; c++)
                        {
                            for (var ky = 0; ky < s.Rows.Kernel; ky++)
                            {
                                for (var kx = 0; kx < s.Columns.Kernel; kx++)
                                {
                                    int iy = (oy * s.Rows.Stride) + (ky * s.Rows.Dilation) - s.Rows.Pad, ix = (ox * s.Columns.Stride) + (kx * s.Columns.Dilation) - s.Columns.Pad;
                                    if (iy < 0 || iy >= s.Rows.Input || ix < 0 || ix >= s.Columns.Input)
                                        continue;
                                    var from = (((((n * s.Groups * s.Channels) + (m / s.Filters * s.Channels) + c) * s.Rows.Input) + iy) * s.Columns.Input) + ix;
                                    var weight = (((((m * s.Channels) + c) * s.Rows.Kernel) + ky) * s.Columns.Kernel) + kx;
                                    y[to] += x[from] * w[weight];
                                    dx[from] += g[to] * w[weight];
                                    dw[weight] += g[to] * x[from];
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>The units of each stage in reverse, each with a workspace full of NaN, so that none depends on another.</summary>
    internal static T[] Run<T>(Kernel kernel, T[] first, T[] second, int count)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] output = new T[count], results = new T[count];
        var workspace = new T[(kernel.WorkspaceBytes / sizeof(T)) + 1];
        var shared = new T[(kernel.SharedBytes / sizeof(T)) + 1];
        Array.Fill(output, T.NaN);
        Array.Fill(results, T.NaN);
        Array.Fill(shared, T.NaN);
        fixed (T* a = first, b = second, c = output, scratch = workspace, block = shared)
        {
            var inputs = stackalloc void*[] { a, b };
            void* to = c;
            var arguments = new KernelArguments { Inputs = inputs, Outputs = &to, Workspace = scratch, Shared = block };
            for (var stage = 0; stage < kernel.StageCount; stage++)
            {
                var (start, units) = kernel.UnitsOf(stage);
                for (var unit = start + units - 1; unit >= start; unit--)
                {
                    Array.Fill(workspace, T.NaN);
                    kernel.Run(arguments, unit);
                    if (kernel is BlockKernel product)
                        TakeBlocks(product, unit, output, results);
                }
            }

            if (kernel is BlockKernel)
                return results;

            for (var unit = kernel.ConcurrentUnits; unit < kernel.UnitCount; unit++)
                kernel.Run(arguments, unit);
        }

        return output;
    }

    /// <summary>Moves what the unit wrote to the results: all of its blocks, which no unit has written yet, and nothing else.</summary>
    private static void TakeBlocks<T>(BlockKernel kernel, long unit, T[] output, T[] results)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var i = 0; i < kernel.BlocksOf(unit); i++)
        {
            var block = kernel.BlockOf(unit, i);
            for (var row = block.Row; row < block.Row + block.Rows; row++)
            {
                for (var at = (row * kernel.Columns) + block.Column; at < (row * kernel.Columns) + block.Column + block.Columns; at++)
                {
                    Assert.True(T.IsNaN(results[at]) && !T.IsNaN(output[at]), $"unit {unit}, element {at}");
                    (results[at], output[at]) = (output[at], T.NaN);
                }
            }
        }

        Assert.True(Array.TrueForAll(output, T.IsNaN), $"unit {unit} writes outside its blocks");
    }

    private static void Equal<T>(double[] expected, T[] actual, string what)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var i = 0; i < expected.Length; i++)
        {
            if (double.CreateChecked(actual[i]) != expected[i])
                Assert.Fail($"{what}[{i}] is {actual[i]}, not {expected[i]}");
        }
    }
}
