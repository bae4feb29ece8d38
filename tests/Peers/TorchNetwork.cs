using Gradients.Benchmarks.Steps;
using Gradients.Engine.Graph;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace Gradients.Peers;

/// <summary>A network's definitions as calls of libtorch, worked out once, over its values.</summary>
internal sealed class TorchNetwork : IDisposable
{
    private readonly Tensor?[] _values;
    private readonly List<(int Target, Func<Tensor?[], Tensor> Call)> _calls = [];
    private readonly int _output;

    public TorchNetwork(Network network, bool withGradients)
    {
        var positions = new Dictionary<ulong, int>();
        var constants = new Dictionary<ulong, ConstantData>();
        _values = new Tensor?[network.Nodes.Length];
        for (var i = 0; i < network.Nodes.Length; i++)
        {
            var node = network.Nodes[i];
            positions[node.Id] = i;
            if (node.Attributes.Find("value") is ConstantData data)
            {
                constants[node.Id] = data;
                _values[i] = Of(data);
            }
            else if (network.Values.TryGetValue(node.Id, out var value))
            {
                _values[i] = Of(value);
            }
            else
            {
                int[] inputs = Array.ConvertAll(node.Inputs, id => positions[id]);
                _calls.Add((i, TorchOps.Call(node, inputs, Array.ConvertAll(node.Inputs, id => constants.GetValueOrDefault(id)))));
            }
        }

        Parameters = [.. network.Parameters.Select(id => _values[positions[id]]!.requires_grad_(withGradients))];
        _output = positions[network.Output];
    }

    public Tensor[] Parameters { get; }

    public Tensor Output()
    {
        foreach (var (target, call) in _calls)
            _values[target] = call(_values);
        return _values[_output]!;
    }

    public void Dispose()
    {
        foreach (var value in _values)
            value?.Dispose();
    }

    public static double[] Numbers(Tensor tensor) => tensor.detach().to(torch.float64).contiguous().data<double>().ToArray();

    private static Tensor Of(ConstantData data) => data.DataType switch
    {
        Engine.Tensors.DataType.Float32 => torch.tensor(data.As<float>().ToArray(), data.Shape.Dimensions.ToArray()),
        Engine.Tensors.DataType.Float64 => torch.tensor(data.As<double>().ToArray(), data.Shape.Dimensions.ToArray()),
        _ => torch.tensor(data.As<long>().ToArray(), data.Shape.Dimensions.ToArray()),
    };

    private static Tensor Of(Engine.Tensors.Tensor value) => value.DataType switch
    {
        Engine.Tensors.DataType.Float32 => torch.tensor(value.AsSpan<float>().ToArray(), value.Shape.Dimensions.ToArray()),
        Engine.Tensors.DataType.Float64 => torch.tensor(value.AsSpan<double>().ToArray(), value.Shape.Dimensions.ToArray()),
        _ => torch.tensor(value.AsSpan<long>().ToArray(), value.Shape.Dimensions.ToArray()),
    };
}
