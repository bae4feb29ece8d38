using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Steps;
using TorchSharp;

namespace Gradients.Peers;

/// <summary>libtorch through TorchSharp.</summary>
public sealed class Torch : IPeer
{
    public Torch() => torch.set_num_threads(1);

    string IPeer.Name => $"libtorch {torch.__version__}";

    IPeerStep IPeer.Create(Network network, int threads, bool withGradients)
    {
        torch.set_num_threads(threads);
        return withGradients ? new TorchBackwardStep(network) : new TorchForwardStep(network);
    }

    IPeerStep IPeer.Adam(Network network, int threads)
    {
        torch.set_num_threads(threads);
        return new TorchAdamStep(network);
    }
}
