using System.Diagnostics;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>
/// The client's span of a call, or of a command on a session's stream, from source <c>Gradients.Client</c>, with the
/// attributes of OpenTelemetry's semantic conventions for rpcs, version 1.40.0. Nothing while nobody listens.
/// </summary>
internal readonly struct CallActivity : IDisposable
{
    public const string SourceName = "Gradients.Client";

    private static readonly ActivitySource Source = new(SourceName);

    private static readonly string[] Statuses =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    private readonly Activity? _activity;

    private CallActivity(Activity? activity) => _activity = activity;

    /// <summary>Headers that make the server's span a child of this one, or of the caller's when nobody listens; null without either.</summary>
    public static Metadata? Headers
    {
        get
        {
            if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C, Id: { } id } current)
                return null;
            var headers = new Metadata { { "traceparent", id } };
            if (!string.IsNullOrEmpty(current.TraceStateString))
                headers.Add("tracestate", current.TraceStateString);
            return headers;
        }
    }

    /// <summary>The context of a stream's command, as <see cref="Headers"/> is that of a call.</summary>
    public static V1.TraceContext? Context =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity
            ? new V1.TraceContext { Traceparent = activity.Id, Tracestate = activity.TraceStateString ?? "" }
            : null;

    /// <param name="method">The full name, such as <c>gradients.v1.ServerService/ListOps</c>.</param>
    /// <param name="command">The command of a stream, else null.</param>
    public static CallActivity Start(string method, string? command = null)
    {
        var activity = Source.StartActivity(method, ActivityKind.Client);
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("rpc.system.name", "grpc");
            activity.SetTag("rpc.method", method);
            if (command is not null)
                activity.SetTag("gradients.command", command);
        }

        return new CallActivity(activity);
    }

    /// <summary>Notes how the call ended; every status but OK is an error of a client's call.</summary>
    public void SetStatus(StatusCode code)
    {
        if (_activity is not { IsAllDataRequested: true } activity)
            return;
        var text = (uint)code < (uint)Statuses.Length ? Statuses[(int)code] : "UNKNOWN";
        activity.SetTag("rpc.response.status_code", text);
        if (code == StatusCode.OK)
            return;
        activity.SetTag("error.type", text);
        activity.SetStatus(ActivityStatusCode.Error);
    }

    public void SetStatus(Exception error) => SetStatus(error switch
    {
        RpcException e => e.StatusCode,
        GradientsClientException e => e.Code,
        OperationCanceledException => StatusCode.Cancelled,
        _ => StatusCode.Unknown,
    });

    public void Dispose() => _activity?.Dispose();
}
