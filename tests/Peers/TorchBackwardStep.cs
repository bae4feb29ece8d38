using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Steps;
using TorchSharp;

namespace Gradients.Peers;

/// <summary>Forward and <c>autograd.grad</c>, whose gradients are fresh every time: nothing is zeroed or added up.</summary>
internal sealed class TorchBackwardStep(Network network) : IPeerStep
{
    private readonly TorchNetwork _network = new(network, withGradients: true);

    public void Run(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var scope = torch.NewDisposeScope();
            torch.autograd.grad([_network.Output()], _network.Parameters);
        }
    }

    public double[][] Results()
    {
        using var scope = torch.NewDisposeScope();
        var output = _network.Output();
        return [TorchNetwork.Numbers(output), .. torch.autograd.grad([output], _network.Parameters).Select(TorchNetwork.Numbers)];
    }

    public void Dispose() => _network.Dispose();
}
