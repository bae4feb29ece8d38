namespace Gradients.Benchmarks;

/// <param name="Median">Microseconds a step.</param>
/// <param name="P10">A tenth of the samples is faster.</param>
/// <param name="P90">A tenth of the samples is slower.</param>
/// <param name="AllocatedBytes">Managed bytes a step, of all threads.</param>
internal readonly record struct Cost(double Median, double P10, double P90, double AllocatedBytes);

/// <param name="Threads">Threads that compute.</param>
/// <param name="Flops">Estimated floating-point operations of one step.</param>
/// <param name="MustNotAllocate">Whether --check fails when a step allocates managed memory.</param>
internal sealed record Measurement(string Name, int Threads, Cost Cost, double Flops, bool MustNotAllocate)
{
    /// <summary>The peer's median microseconds a step.</summary>
    public double? Peer { get; init; }

    /// <summary>The part of the core's peak that is reached.</summary>
    public double? PeakFraction { get; init; }

    /// <summary>How far the peer's results are from ours, when that is too far.</summary>
    public double? Disagreement { get; init; }

    /// <summary>Our time over the peer's.</summary>
    public double? Ratio => Cost.Median / Peer;

    public double GigaflopsPerSecond => Flops / (Cost.Median * 1e3);
}
