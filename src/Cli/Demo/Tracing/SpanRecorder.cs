using System.Collections.Concurrent;
using System.Diagnostics;

namespace Gradients.Cli.Demo.Tracing;

/// <summary>
/// Collects the finished spans of this process's client and server that belong to a step started here. While there is none,
/// nothing is recorded and spans cost nothing.
/// </summary>
internal sealed class SpanRecorder : IDisposable
{
    private static readonly ActivitySource Source = new("Gradients.Cli");

    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly ActivityListener _listener;

    public SpanRecorder()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name.StartsWith("Gradients", StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>The spans that are over, by their start.</summary>
    public IReadOnlyList<Activity> Spans => [.. _spans.OrderBy(s => s.StartTimeUtc)];

    /// <summary>A span of the client, until disposed; requests made inside carry its context. Null while nobody listens.</summary>
    public static Activity? Start(string name) => Source.StartActivity(name, ActivityKind.Client);

    public void Dispose() => _listener.Dispose();
}
