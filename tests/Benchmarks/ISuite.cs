using Gradients.Benchmarks.Peers;

namespace Gradients.Benchmarks;

/// <param name="Threads">Compute threads of the engine and of the peer.</param>
/// <param name="Peer">What is measured beside it, if anything is.</param>
/// <param name="IsBrief">Only what --check judges.</param>
internal sealed record SuiteSettings(int Threads, Meter Meter, IPeer? Peer, bool IsBrief);

/// <summary>Measurements that belong together, run by name.</summary>
internal interface ISuite
{
    string Name { get; }

    /// <summary>What its rows are, for the document.</summary>
    string Summary { get; }

    /// <summary>Whether it measures processes of its own, with one compute thread, whatever was asked.</summary>
    bool HasProcesses => false;

    void Run(SuiteSettings settings, Recorder rows);
}
