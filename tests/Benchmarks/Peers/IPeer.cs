using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Peers;

/// <summary>Another library with automatic differentiation, running the same definitions on the same values.</summary>
internal interface IPeer
{
    /// <summary>Name and version.</summary>
    string Name { get; }

    /// <summary>Loss and gradients of all parameters.</summary>
    IPeerStep Backward(Network network, int threads);

    /// <summary>The Adam update of every parameter.</summary>
    IPeerStep Adam(Network network, int threads);
}

internal interface IPeerStep : IDisposable
{
    void Run(int count);

    /// <summary>The loss, then the gradient of each parameter, from one more run; empty for an update.</summary>
    double[][] Results();
}
