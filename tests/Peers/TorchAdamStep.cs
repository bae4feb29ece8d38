using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Steps;
using TorchSharp;
using TorchSharp.Modules;

namespace Gradients.Peers;

/// <summary>Adam's step over gradients that stay as they are.</summary>
internal sealed class TorchAdamStep : IPeerStep
{
    private readonly TorchNetwork _network;
    private readonly torch.optim.Optimizer _adam;

    public TorchAdamStep(Network network)
    {
        _network = new TorchNetwork(network, withGradients: true);
        using (torch.NewDisposeScope())
            _network.Output().backward();
        _adam = torch.optim.Adam([.. _network.Parameters.Select(p => new Parameter(p))]);
    }

    public void Run(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var scope = torch.NewDisposeScope();
            _adam.step();
        }
    }

    public double[][] Results() => [];

    public void Dispose()
    {
        _adam.Dispose();
        _network.Dispose();
    }
}
