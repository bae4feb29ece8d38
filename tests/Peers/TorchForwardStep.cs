using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Steps;
using TorchSharp;

namespace Gradients.Peers;

/// <summary>The output alone, without a graph of what was done.</summary>
internal sealed class TorchForwardStep(Network network) : IPeerStep
{
    private readonly TorchNetwork _network = new(network, withGradients: false);

    public void Run(int count)
    {
        using var untracked = torch.no_grad();
        for (var i = 0; i < count; i++)
        {
            using var scope = torch.NewDisposeScope();
            _network.Output();
        }
    }

    public double[][] Results()
    {
        using var scope = torch.NewDisposeScope();
        return [TorchNetwork.Numbers(_network.Output())];
    }

    public void Dispose() => _network.Dispose();
}
