using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// A network of linear layers with Relu between them and a loss: its definitions and float32 values for its parameters and inputs. A layer is
/// x[n, in] · Wᵀ + b with W[out, in] and b[out]; all values are drawn uniformly within ±1/√in from a fixed seed.
/// </summary>
internal sealed class Network : IDisposable
{
    private readonly GraphSpecs _specs = new();
    private readonly Random _random = new(7);
    private readonly BufferPool _pool;

    private Network(BufferPool pool) => _pool = pool;

    public NodeSpec[] Nodes { get; private set; } = [];

    public ulong Loss { get; private set; }

    public List<ulong> Parameters { get; } = [];

    /// <summary>Values of the parameters and inputs, by id.</summary>
    public Dictionary<ulong, Tensor> Values { get; } = [];

    /// <summary>Linear(10, 5), Relu, Linear(5, 1), mean squared error.</summary>
    public static Network Regression(BufferPool pool, int batch)
    {
        var network = new Network(pool);
        var output = network.Layers(batch, 10, 5, 1);
        var targets = network.Input(batch, 1);
        return network.Finish(network._specs.Op("MeanSquaredError", output, targets));
    }

    /// <summary>Linear(64, 128), Relu, Linear(128, 10), softmax cross entropy.</summary>
    public static Network Digits(BufferPool pool, int batch)
    {
        var network = new Network(pool);
        return network.Classify(batch, network.Layers(batch, 64, 128, 10));
    }

    /// <summary>Linear(784, 512), Relu, Linear(512, 256), Relu, Linear(256, 10), softmax cross entropy.</summary>
    public static Network Perceptron(BufferPool pool, int batch)
    {
        var network = new Network(pool);
        return network.Classify(batch, network.Layers(batch, 784, 512, 256, 10));
    }

    public void Dispose()
    {
        foreach (var value in Values.Values)
            value.Dispose();
    }

    private Network Finish(ulong loss)
    {
        Loss = loss;
        Nodes = _specs.Take();
        return this;
    }

    private Network Classify(int batch, ulong logits)
    {
        var classes = _specs.Input(DataType.Int64, batch);
        var labels = new long[batch];
        for (var i = 0; i < batch; i++)
            labels[i] = _random.Next(10);
        Values.Add(classes, Tensor.From<long>(_pool, new Shape(batch), labels));
        return Finish(_specs.Op("SoftmaxCrossEntropy", logits, classes));
    }

    private ulong Layers(int batch, params int[] sizes)
    {
        var x = Linear(Input(batch, sizes[0]), sizes[0], sizes[1]);
        for (var i = 2; i < sizes.Length; i++)
            x = Linear(_specs.Op("Relu", x), sizes[i - 1], sizes[i]);
        return x;
    }

    private ulong Linear(ulong x, int inputs, int outputs)
    {
        var weight = Parameter(inputs, outputs, inputs);
        var bias = Parameter(inputs, outputs);
        return _specs.Add("Gemm", Attributes.Of(("transB", 1L)), x, weight, bias);
    }

    private ulong Input(params long[] shape) => Draw(_specs.Input(DataType.Float32, Array.ConvertAll(shape, d => new Dimension(d))), 1, shape);

    private ulong Parameter(int fanIn, params long[] shape)
    {
        var id = Draw(_specs.Variable(DataType.Float32, Array.ConvertAll(shape, d => new Dimension(d))), 1 / Math.Sqrt(fanIn), shape);
        Parameters.Add(id);
        return id;
    }

    private ulong Draw(ulong id, double bound, long[] dimensions)
    {
        var shape = new Shape(dimensions);
        var values = new float[shape.ElementCount];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(bound * ((2 * _random.NextDouble()) - 1));
        Values.Add(id, Tensor.From<float>(_pool, shape, values));
        return id;
    }
}
