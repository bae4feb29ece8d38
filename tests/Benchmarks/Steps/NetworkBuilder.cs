using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Benchmarks.Steps;

/// <summary>Collects the definitions and values of a network. What is drawn comes from a fixed seed, uniformly.</summary>
internal sealed class NetworkBuilder(BufferPool pool)
{
    private readonly GraphSpecs _specs = new();
    private readonly Random _random = new(7);
    private readonly List<ulong> _parameters = [];
    private readonly Dictionary<ulong, Tensor> _values = [];

    public ulong Op(string op, params ulong[] inputs) => _specs.Op(op, inputs);

    public ulong Op(string op, (string Name, object Value)[] attributes, params ulong[] inputs) => _specs.Add(op, Attributes.Of(attributes), inputs);

    public ulong Integers(params long[] values) => _specs.Constant(new Shape(values.Length), values);

    public ulong Scalar(double value) => _specs.Constant(Shape.Scalar, value);

    /// <summary>Drawn within ±1.</summary>
    public ulong Input(params long[] shape) => Draw(_specs.Input(DataType.Float32, Dimensions(shape)), 1, shape);

    /// <summary>Drawn within ±1/√fanIn.</summary>
    public ulong Parameter(long fanIn, params long[] shape)
    {
        var id = Draw(_specs.Variable(DataType.Float32, Dimensions(shape)), 1 / Math.Sqrt(fanIn), shape);
        _parameters.Add(id);
        return id;
    }

    /// <summary>float64 values as they are.</summary>
    public ulong Input(double[] values, params long[] shape) => Put(_specs.Input(DataType.Float64, Dimensions(shape)), Tensor.From<double>(pool, new Shape(shape), values));

    /// <summary>float64 values as they are.</summary>
    public ulong Parameter(double[] values, params long[] shape)
    {
        var id = Put(_specs.Variable(DataType.Float64, Dimensions(shape)), Tensor.From<double>(pool, new Shape(shape), values));
        _parameters.Add(id);
        return id;
    }

    /// <summary>x[n, inputs] · Wᵀ + b with W[outputs, inputs] and b[outputs].</summary>
    public ulong Linear(ulong x, int inputs, int outputs) =>
        Op("Gemm", [("transB", 1L)], x, Parameter(inputs, outputs, inputs), Parameter(inputs, outputs));

    /// <summary>Linear layers of these sizes with Relu between them.</summary>
    public ulong Layers(ulong x, params int[] sizes)
    {
        x = Linear(x, sizes[0], sizes[1]);
        for (var i = 2; i < sizes.Length; i++)
            x = Linear(Op("Relu", x), sizes[i - 1], sizes[i]);
        return x;
    }

    public ulong Reshape(ulong x, params long[] shape) => Op("Reshape", x, Integers(shape));

    public ulong Transpose(ulong x, params long[] permutation) => Op("Transpose", [("perm", permutation)], x);

    /// <summary>Mean softmax cross entropy against labels that are drawn.</summary>
    public Network Classify(int batch, int count, ulong logits)
    {
        var classes = _specs.Input(DataType.Int64, batch);
        var labels = new long[batch];
        for (var i = 0; i < batch; i++)
            labels[i] = _random.Next(count);
        Put(classes, Tensor.From<long>(pool, new Shape(batch), labels));
        return Finish(Op("SoftmaxCrossEntropy", logits, classes));
    }

    public Network Finish(ulong output) => new(_specs.Take(), output, _parameters, _values);

    /// <summary>Σ y·w with w drawn: a scalar whose gradients are no special case.</summary>
    public Network Weigh(ulong y, params long[] shape) => Finish(Op("ReduceSum", [("keepdims", 0L)], Op("Mul", y, Input(shape))));

    private static Dimension[] Dimensions(long[] shape) => Array.ConvertAll(shape, d => new Dimension(d));

    private ulong Draw(ulong id, double bound, long[] dimensions)
    {
        var shape = new Shape(dimensions);
        var values = new float[shape.ElementCount];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(bound * ((2 * _random.NextDouble()) - 1));
        return Put(id, Tensor.From<float>(pool, shape, values));
    }

    private ulong Put(ulong id, Tensor value)
    {
        _values.Add(id, value);
        return id;
    }
}
