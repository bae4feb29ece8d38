using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Peers;

/// <summary>Another library with automatic differentiation, running the same definitions on the same values.</summary>
internal interface IPeer
{
    /// <summary>Name and version.</summary>
    string Name { get; }

    /// <summary>The result and, with gradients, those of all parameters.</summary>
    IPeerStep Create(Network network, int threads, bool withGradients);

    /// <summary>The Adam update of every parameter.</summary>
    IPeerStep Adam(Network network, int threads);
}

internal interface IPeerStep : IDisposable
{
    void Run(int count);

    /// <summary>The result, then the gradient of each parameter, from one more run; empty for an update.</summary>
    double[][] Results();
}
