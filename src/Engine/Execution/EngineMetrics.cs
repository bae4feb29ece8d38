using System.Diagnostics.Metrics;
using Gradients.Engine.Graph;

namespace Gradients.Engine.Execution;

/// <summary>What plans compute.</summary>
public enum ComputePhase
{
    Forward,
    Backward,
    Optimizer,
}

/// <summary>
/// The engine's instruments on the meter of its host. What changes with every request is counted in plain numbers that are
/// read when somebody collects: counting costs an interlocked addition and no memory.
/// </summary>
public sealed class EngineMetrics
{
    private static readonly KeyValuePair<string, object?>[] Phases =
    [
        new("gradients.phase", "forward"),
        new("gradients.phase", "backward"),
        new("gradients.phase", "optimizer"),
    ];

    private static readonly KeyValuePair<string, object?>[] Directions =
    [
        new("network.io.direction", "receive"),
        new("network.io.direction", "transmit"),
    ];

    private readonly long[] _elements = new long[Directions.Length];
    private readonly long[] _executions = new long[Phases.Length];
    private readonly double[] _flops = new double[Phases.Length];
    private readonly Histogram<double> _queued;
    private readonly Histogram<double> _callouts;
    private long _asked;

    internal EngineMetrics(Meter meter, EngineHost host)
    {
        _queued = meter.CreateHistogram<double>("gradients.queue.duration", "s", "Time that a request waits for the requests before it and for a compute thread.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.00001, 0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });
        _callouts = meter.CreateHistogram<double>("gradients.callout.duration", "s", "Time from asking a client for a Custom node to its answer.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] });
        meter.CreateObservableUpDownCounter("gradients.callouts.waiting", () => Volatile.Read(ref _asked), "{callout}", "Call-outs that wait for their client's answer.");
        meter.CreateObservableUpDownCounter("gradients.queue.length", () => host.Scheduler.QueuedItems, "{request}", "Requests that wait or run.");
        meter.CreateObservableUpDownCounter("gradients.compute.threads", () => host.Scheduler.ThreadCount, "{thread}", "Compute threads.");
        meter.CreateObservableUpDownCounter("gradients.compute.threads.busy", () => host.Scheduler.BusyThreads, "{thread}", "Compute threads that compute.");
        meter.CreateObservableCounter("gradients.compute.time", () => host.Scheduler.ComputeTime.TotalSeconds, "s", "Time that compute threads have computed, of all threads together.");
        meter.CreateObservableCounter("gradients.executions", () => Measure(_executions, Phases), "{execution}", "Executions of plans that completed.");
        meter.CreateObservableCounter("gradients.flops", () => Measure(_flops, Phases), "{flop}", "Floating-point operations of the executions that completed, by the plans' estimate.");
        meter.CreateObservableCounter("gradients.tensor.io", () => Measure(_elements, Directions), "By", "Elements of tensors that callers sent and were sent.");
        meter.CreateObservableUpDownCounter("gradients.pool.rented", () => host.Pool.RentedBytes, "By", "Tensor memory in use.");
        meter.CreateObservableUpDownCounter("gradients.pool.held", () => host.Pool.HeldBytes, "By", "Tensor memory in use and kept for reuse.");
        meter.CreateObservableGauge("gradients.pool.high_water", () => host.Pool.HighWaterBytes, "By", "The most tensor memory that was in use at one time.");
        meter.CreateObservableUpDownCounter("gradients.pool.budget", () => host.Pool.BudgetBytes, "By", "The most tensor memory that may be held.");
        meter.CreateObservableCounter("gradients.plan.hits", () => host.Plans.Hits, "{plan}", "Plans that were found compiled.");
        meter.CreateObservableCounter("gradients.plan.misses", () => host.Plans.Compilations, "{plan}", "Plans that were compiled, failures included.");
        meter.CreateObservableCounter("gradients.plan.evictions", () => host.Plans.Evictions, "{plan}", "Plans that were dropped to stay within the cache's bytes.");
        meter.CreateObservableCounter("gradients.plan.compile.time", () => host.Plans.CompileTime.TotalSeconds, "s", "Time spent compiling plans.");
        meter.CreateObservableUpDownCounter("gradients.plan.cached", () => host.Plans.Count, "{plan}", "Compiled plans in the cache.");
        meter.CreateObservableUpDownCounter("gradients.plan.bytes", () => host.Plans.Bytes, "By", "Memory of the compiled plans in the cache.");
    }

    public void Executed(ComputePhase phase, double flops)
    {
        Interlocked.Increment(ref _executions[(int)phase]);
        ref var sum = ref _flops[(int)phase];
        double before;
        do
            before = Volatile.Read(ref sum);
        while (Interlocked.CompareExchange(ref sum, before + flops, before) != before);
    }

    public void CalloutAsked() => Interlocked.Increment(ref _asked);

    /// <param name="failure">The reason, or null when it was answered.</param>
    public void CalloutEnded(CalloutPhase phase, TimeSpan time, string? failure)
    {
        Interlocked.Decrement(ref _asked);
        var tag = new KeyValuePair<string, object?>("gradients.phase", NameOf(phase));
        if (failure is null)
            _callouts.Record(time.TotalSeconds, tag);
        else
            _callouts.Record(time.TotalSeconds, tag, new("reason", failure));
    }

    public static string NameOf(CalloutPhase phase) => phase == CalloutPhase.Forward ? "forward" : "backward";

    public void Queued(TimeSpan time) => _queued.Record(time.TotalSeconds);

    /// <summary>Counts bytes of elements that came from a caller.</summary>
    public void Received(long bytes) => Interlocked.Add(ref _elements[0], bytes);

    /// <summary>Counts bytes of elements that a caller is sent.</summary>
    public void Sent(long bytes) => Interlocked.Add(ref _elements[1], bytes);

    private static IEnumerable<Measurement<T>> Measure<T>(T[] values, KeyValuePair<string, object?>[] tags) where T : struct
    {
        for (var i = 0; i < values.Length; i++)
            yield return new Measurement<T>(values[i], tags[i]);
    }
}
