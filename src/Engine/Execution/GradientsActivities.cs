using System.Diagnostics;

namespace Gradients.Engine.Execution;

/// <summary>
/// The one source of spans, of the engine and of the server, and the names of the engine's. A request that is not recorded
/// makes none and allocates nothing.
/// </summary>
public static class GradientsActivities
{
    public const string SourceName = "Gradients";

    public const string Queue = "gradients.queue";
    public const string Plan = "gradients.plan";
    public const string Forward = "gradients.forward";
    public const string Backward = "gradients.backward";
    public const string Optimizer = "gradients.optimizer";
    public const string Op = "gradients.op";
    public const string Callout = "gradients.callout";

    /// <summary>The most spans of single ops in one phase; what is beyond is counted only.</summary>
    public const int MaxOps = 512;

    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>Whether a request with this parent is recorded: spans of the engine follow the span above them.</summary>
    public static bool IsRecorded(in ActivityContext parent) =>
        Source.HasListeners() && (parent.TraceId == default || (parent.TraceFlags & ActivityTraceFlags.Recorded) != 0);

    /// <summary>Records a span that is over, between two Stopwatch timestamps; returns the parent for spans inside it.</summary>
    public static ActivityContext Record(string name, in ActivityContext parent, long began, long ended, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (!IsRecorded(parent))
            return parent;
        var now = Stopwatch.GetTimestamp();
        var utcNow = TimeProvider.System.GetUtcNow();
        using var activity = Source.StartActivity(name, ActivityKind.Internal, parent, startTime: utcNow - Stopwatch.GetElapsedTime(began, now));
        if (activity is null)
            return parent;
        foreach (var (key, value) in tags)
            activity.SetTag(key, value);
        activity.SetEndTime((utcNow - Stopwatch.GetElapsedTime(ended, now)).UtcDateTime);
        return activity.Context;
    }
}
