using System.Diagnostics;
using Gradients.Engine.Execution;

namespace Gradients.Server.Telemetry;

/// <summary>The span of a request or of a stream's command, and the trace id that its reply carries in any case.</summary>
internal readonly struct RequestActivity : IDisposable
{
    public const string Name = "gradients.request";

    private readonly Activity? _activity;

    private RequestActivity(Activity? activity, ActivityContext context)
    {
        _activity = activity;
        Context = context;
    }

    /// <summary>Parent of the engine's spans; recorded only where this span is.</summary>
    public ActivityContext Context { get; }

    /// <summary>32 hexadecimal digits.</summary>
    public string TraceId => Context.TraceId.ToHexString();

    /// <summary>Starts a span under <paramref name="parent"/>; unrecorded, only the trace id lives on, made up if there is none.</summary>
    public static RequestActivity Start(string command, in ActivityContext parent)
    {
        var activity = GradientsActivities.Source.StartActivity(Name, parent.IsRemote ? ActivityKind.Server : ActivityKind.Internal, parent);
        if (activity is not null)
        {
            activity.SetTag("gradients.command", command);
            return new(activity, activity.Context);
        }

        return new(null, parent.TraceId != default
            ? new ActivityContext(parent.TraceId, parent.SpanId, ActivityTraceFlags.None, parent.TraceState)
            : new ActivityContext(ActivityTraceId.CreateRandom(), default, ActivityTraceFlags.None));
    }

    /// <summary>A W3C parent from text; a malformed one is ignored.</summary>
    public static ActivityContext Parse(string traceparent, string traceState) =>
        traceparent.Length == 55 && traceState.Length <= 512 && ActivityContext.TryParse(traceparent, traceState.Length == 0 ? null : traceState, isRemote: true, out var context)
            ? context
            : default;

    public void SetSession(string name) => _activity?.SetTag("gradients.session.id", name);

    public void SetReplayed() => _activity?.SetTag("gradients.replayed", true);

    public void SetError(string reason)
    {
        _activity?.SetTag("gradients.error.reason", reason);
        _activity?.SetStatus(ActivityStatusCode.Error, reason);
    }

    public void Dispose() => _activity?.Dispose();
}
