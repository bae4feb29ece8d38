using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>The networks whose steps are measured.</summary>
internal static class Networks
{
    /// <summary>A·B, either of them stored transposed. The operands are nodes 1 and 2.</summary>
    public static Network Product(BufferPool pool, bool isTransposedA, bool isTransposedB, long m, long n, long k)
    {
        var b = new NetworkBuilder(pool);
        ulong left = isTransposedA ? b.Input(k, m) : b.Input(m, k), right = isTransposedB ? b.Input(n, k) : b.Input(k, n);
        return b.Finish(b.Op("Gemm", [("transA", isTransposedA ? 1L : 0), ("transB", isTransposedB ? 1L : 0)], left, right));
    }

    /// <summary>Linear(10, 5), Relu, Linear(5, 1), mean squared error.</summary>
    public static Network Regression(BufferPool pool, int batch)
    {
        var b = new NetworkBuilder(pool);
        var output = b.Layers(b.Input(batch, 10), 10, 5, 1);
        return b.Finish(b.Op("MeanSquaredError", output, b.Input(batch, 1)));
    }

    /// <summary>Linear layers of these sizes with Relu between them, softmax cross entropy.</summary>
    public static Network Perceptron(BufferPool pool, int batch, params int[] sizes)
    {
        var b = new NetworkBuilder(pool);
        return b.Classify(batch, sizes[^1], b.Layers(b.Input(batch, sizes[0]), sizes));
    }

    /// <summary>
    /// Images [batch, 1, 28, 28]; 6 filters 5×5 padded by 2, Relu, MaxPool 2; 16 filters 5×5, Relu, MaxPool 2; linear layers
    /// 400-120-84-10, softmax cross entropy.
    /// </summary>
    public static Network LeNet(BufferPool pool, int batch)
    {
        var b = new NetworkBuilder(pool);
        var x = Stage(b.Input(batch, 1, 28, 28), 1, 6, 2);
        x = Stage(x, 6, 16, 0);
        return b.Classify(batch, 10, b.Layers(b.Reshape(x, batch, 400), 400, 120, 84, 10));

        ulong Stage(ulong images, int channels, int filters, long pad)
        {
            var fanIn = channels * 25;
            var y = b.Op("Conv", [("pads", new[] { pad, pad, pad, pad })], images, b.Parameter(fanIn, filters, channels, 5, 5), b.Parameter(fanIn, filters));
            return b.Op("MaxPool", [("kernel_shape", new[] { 2L, 2 }), ("strides", new[] { 2L, 2 })], b.Op("Relu", y));
        }
    }

    /// <summary>
    /// x + attention(norm(x)), then that + Linear(width, 4·width), Gelu, Linear(4·width, width) of its norm, over batch × length tokens;
    /// the loss is the mean square.
    /// </summary>
    public static Network Transformer(BufferPool pool, int width, int length, int batch, int heads)
    {
        var b = new NetworkBuilder(pool);
        var tokens = batch * length;
        var x = b.Input(tokens, width);
        var normal = Norm(x);
        var attended = b.Op("Attention", Heads(), Heads(), Heads());
        var joined = b.Reshape(b.Transpose(attended, 0, 2, 1, 3), tokens, width);
        x = b.Op("Add", x, b.Linear(joined, width, width));
        var hidden = b.Op("Gelu", b.Linear(Norm(x), width, 4 * width));
        x = b.Op("Add", x, b.Linear(hidden, 4 * width, width));
        return b.Finish(b.Op("MeanSquaredError", x, b.Input(tokens, width)));

        ulong Heads() => b.Transpose(b.Reshape(b.Linear(normal, width, width), batch, length, heads, width / heads), 0, 2, 1, 3);
        ulong Norm(ulong y) => b.Op("LayerNormalization", y, b.Parameter(1, width), b.Parameter(1, width));
    }

    /// <summary>An LSTM of <paramref name="width"/> cells unrolled over <paramref name="steps"/> inputs [batch, width], its weights shared; mean squared error of the last output.</summary>
    public static Network Lstm(BufferPool pool, int steps, int batch, int width)
    {
        var b = new NetworkBuilder(pool);
        var (input, recurrent, bias) = (b.Parameter(width, 4 * width, width), b.Parameter(width, 4 * width, width), b.Parameter(width, 4 * width));
        ulong h = b.Input(batch, width), c = b.Input(batch, width);
        for (var t = 0; t < steps; t++)
        {
            var gates = b.Op("Add", b.Op("Gemm", [("transB", 1L)], b.Input(batch, width), input, bias), b.Op("Gemm", [("transB", 1L)], h, recurrent));
            c = b.Op("Add", b.Op("Mul", b.Op("Sigmoid", Gate(1)), c), b.Op("Mul", b.Op("Sigmoid", Gate(0)), b.Op("Tanh", Gate(2))));
            h = b.Op("Mul", b.Op("Sigmoid", Gate(3)), b.Op("Tanh", c));

            ulong Gate(int k) => b.Op("Slice", gates, b.Integers(k * width), b.Integers((k + 1) * width), b.Integers(1));
        }

        return b.Finish(b.Op("MeanSquaredError", h, b.Input(batch, width)));
    }

    /// <summary>y ← y·w, y + b, tanh y in turns over vectors, <paramref name="nodes"/> times; the loss is the sum.</summary>
    public static Network Chain(BufferPool pool, int nodes, int width)
    {
        var b = new NetworkBuilder(pool);
        ulong y = b.Input(width), w = b.Parameter(1, width), shift = b.Parameter(1, width);
        for (var i = 0; i < nodes; i++)
        {
            y = (i % 3) switch
            {
                0 => b.Op("Mul", y, w),
                1 => b.Op("Add", y, shift),
                _ => b.Op("Tanh", y),
            };
        }

        return b.Finish(b.Op("ReduceSum", [("keepdims", 0L)], y));
    }
}
