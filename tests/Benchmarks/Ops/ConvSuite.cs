using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Ops;

internal sealed class ConvSuite : ISuite
{
    /// <param name="Kernel">Of each spatial axis.</param>
    /// <param name="IsFirst">Its input is data, which has no gradient.</param>
    private sealed record Layer(string Name, long[] Input, long Filters, long Kernel, long Stride, long Pad, long Groups, bool IsFirst = false)
    {
        public long[] Output => [Input[0], Filters, .. Input[2..].Select(d => ((d + (2 * Pad) - Kernel) / Stride) + 1)];
    }

    private static readonly Layer[] Layers =
    [
        new("LeNet 1, 5x5", [64, 1, 28, 28], 6, 5, 1, 2, 1, IsFirst: true),
        new("LeNet 2, 5x5", [64, 6, 14, 14], 16, 5, 1, 0, 1),
        new("3x3", [8, 64, 56, 56], 64, 3, 1, 1, 1),
        new("3x3, stride 2", [8, 64, 56, 56], 128, 3, 2, 1, 1),
        new("1x1", [8, 128, 28, 28], 128, 1, 1, 0, 1),
        new("depthwise 3x3", [8, 128, 28, 28], 128, 3, 1, 1, 128),
        new("4 groups, 3x3", [8, 64, 28, 28], 64, 3, 1, 1, 4),
        new("1-D, 5", [16, 64, 1024], 64, 5, 1, 2, 1),
    ];

    public string Name => "conv";

    public string Summary => "Convolutions with bias, pools and attention in float32, forward alone and with all gradients. Limit: multiply-adds in registers.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var layer in Layers)
            Both($"{layer.Name} [{string.Join(", ", layer.Input)}] → {layer.Filters}", (pool, trains) => Convolution(pool, layer, trains));
        Both("MaxPool 2x2 [64, 16, 28, 28]", (pool, trains) => Pool(pool, "MaxPool", trains));
        Both("AveragePool 2x2 [64, 16, 28, 28]", (pool, trains) => Pool(pool, "AveragePool", trains));
        Both("attention B 4 H 8 T 128 D 32", (pool, trains) => Attention(pool, trains, false, 4, 8, 128, 32));
        Both("causal attention B 1 H 4 T 1024 D 64", (pool, trains) => Attention(pool, trains, true, 1, 4, 1024, 64));

        void Both(string name, Func<BufferPool, bool, Network> create)
        {
            foreach (var trains in (bool[])[false, true])
            {
                GraphRow.Add(settings, rows, Name, trains ? $"{name}, gradients" : name, () => new GraphStep(pool => create(pool, trains), settings.Threads, trains), trains, step => new Limit(step.Flops, FmaPeak.Measure));
            }
        }
    }

    private static Network Convolution(BufferPool pool, Layer layer, bool trains)
    {
        var b = new NetworkBuilder(pool);
        var (rank, channels) = (layer.Input.Length - 2, layer.Input[1] / layer.Groups);
        long[] kernel = [.. Enumerable.Repeat(layer.Kernel, rank)];
        var fanIn = channels * kernel.Aggregate(1L, (x, y) => x * y);
        (string, object)[] attributes =
        [
            ("pads", Enumerable.Repeat(layer.Pad, 2 * rank).ToArray()),
            ("strides", Enumerable.Repeat(layer.Stride, rank).ToArray()),
            ("group", layer.Groups),
        ];
        var x = layer.IsFirst ? b.Input(layer.Input) : b.Parameter(1, layer.Input);
        var y = b.Op("Conv", attributes, x, b.Parameter(fanIn, [layer.Filters, channels, .. kernel]), b.Parameter(fanIn, layer.Filters));
        return trains ? b.Weigh(y, layer.Output) : b.Finish(y);
    }

    private static Network Pool(BufferPool pool, string op, bool trains)
    {
        var b = new NetworkBuilder(pool);
        var y = b.Op(op, [("kernel_shape", new[] { 2L, 2 }), ("strides", new[] { 2L, 2 })], b.Parameter(1, 64, 16, 28, 28));
        return trains ? b.Weigh(y, 64, 16, 14, 14) : b.Finish(y);
    }

    private static Network Attention(BufferPool pool, bool trains, bool isCausal, params long[] shape)
    {
        var b = new NetworkBuilder(pool);
        var y = b.Op("Attention", [("is_causal", isCausal ? 1L : 0)], b.Parameter(1, shape), b.Parameter(1, shape), b.Parameter(1, shape));
        return trains ? b.Weigh(y, shape) : b.Finish(y);
    }
}
