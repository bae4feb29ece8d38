using System.Diagnostics;

namespace Gradients.Engine.Execution;

/// <summary>The spans of the engine. Nothing is allocated while nobody listens.</summary>
public static class EngineActivities
{
    public const string SourceName = "Gradients.Engine";

    public const string Queue = "gradients.queue";
    public const string Plan = "gradients.plan";
    public const string Forward = "gradients.forward";
    public const string Backward = "gradients.backward";
    public const string Optimizer = "gradients.optimizer";

    private static readonly ActivitySource Source = new(SourceName);

    public static bool Enabled => Source.HasListeners();

    /// <summary>Records a span that is over, between two Stopwatch timestamps.</summary>
    public static void Record(string name, ActivityContext parent, long began, long ended, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (!Source.HasListeners())
            return;
        var now = Stopwatch.GetTimestamp();
        var utcNow = TimeProvider.System.GetUtcNow();
        using var activity = Source.StartActivity(name, ActivityKind.Internal, parent, startTime: utcNow - Stopwatch.GetElapsedTime(began, now));
        if (activity is null)
            return;
        foreach (var (key, value) in tags)
            activity.SetTag(key, value);
        activity.SetEndTime((utcNow - Stopwatch.GetElapsedTime(ended, now)).UtcDateTime);
    }
}
