using System.Diagnostics;

namespace Gradients.Server.Telemetry;

/// <summary>The span of a request or of a stream's command, and the trace id that its reply carries in any case.</summary>
internal readonly struct RequestActivity : IDisposable
{
    private readonly Activity? _activity;

    private RequestActivity(Activity? activity, ActivityContext context)
    {
        _activity = activity;
        Context = context;
    }

    /// <summary>Parent of the engine's spans.</summary>
    public ActivityContext Context { get; }

    /// <summary>32 hexadecimal digits.</summary>
    public string TraceId => Context.TraceId.ToHexString();

    /// <summary>Starts a span under <paramref name="parent"/>; without a listener only the trace id lives on, made up if there is none.</summary>
    public static RequestActivity Start(string command, ActivityContext parent)
    {
        var activity = RequestActivities.Source.StartActivity(RequestActivities.Request, ActivityKind.Internal, parent);
        activity?.SetTag("gradients.command", command);
        if (activity is not null)
            return new(activity, activity.Context);
        return new(null, parent.TraceId != default ? parent : new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.None));
    }

    public void SetSession(string name) => _activity?.SetTag("gradients.session.id", name);

    public void SetReplayed() => _activity?.SetTag("gradients.replayed", true);

    public void SetError(string reason)
    {
        _activity?.SetTag("gradients.error.reason", reason);
        _activity?.SetStatus(ActivityStatusCode.Error, reason);
    }

    public void Dispose() => _activity?.Dispose();
}

internal static class RequestActivities
{
    public const string SourceName = "Gradients.Server";
    public const string Request = "gradients.request";

    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>A W3C parent from text; a malformed one is ignored.</summary>
    public static ActivityContext Parse(string traceparent, string traceState) =>
        traceparent.Length == 55 && traceState.Length <= 512 && ActivityContext.TryParse(traceparent, traceState.Length == 0 ? null : traceState, isRemote: true, out var context)
            ? context
            : default;
}
