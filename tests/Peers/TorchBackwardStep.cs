using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Steps;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace Gradients.Peers;

/// <summary>Forward and <c>autograd.grad</c>, whose gradients are fresh every time: nothing is zeroed or added up.</summary>
internal sealed class TorchBackwardStep(Network network) : IPeerStep
{
    private readonly TorchNetwork _network = new(network);

    public void Run(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var scope = torch.NewDisposeScope();
            torch.autograd.grad([_network.Loss()], _network.Parameters);
        }
    }

    public double[][] Results()
    {
        using var scope = torch.NewDisposeScope();
        var loss = _network.Loss();
        return [Numbers(loss), .. torch.autograd.grad([loss], _network.Parameters).Select(Numbers)];
    }

    public void Dispose() => _network.Dispose();

    private static double[] Numbers(Tensor tensor) => tensor.detach().to(torch.float64).contiguous().data<double>().ToArray();
}
