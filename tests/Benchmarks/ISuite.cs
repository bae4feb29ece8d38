using Gradients.Benchmarks.Peers;

namespace Gradients.Benchmarks;

/// <param name="Threads">Compute threads of the engine.</param>
/// <param name="Peer">What is measured beside it, if anything is.</param>
internal sealed record SuiteSettings(int Threads, Meter Meter, Comparison Comparison, IPeer? Peer);

/// <summary>Measurements that belong together, run by name.</summary>
internal interface ISuite
{
    string Name { get; }

    Task<IReadOnlyList<Measurement>> Run(SuiteSettings settings);
}

/// <summary>Something that is repeated and measured.</summary>
internal interface IStep : IDisposable
{
    /// <summary>Estimated floating-point operations of one step.</summary>
    double Flops { get; }

    /// <summary>Runs the step so many times, one after the other.</summary>
    ValueTask RunAsync(int count);
}
