using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client.Protocol;

/// <summary>One exception type for the engine's errors, in-band statuses and failed calls.</summary>
internal static class Errors
{
    public const string ConnectionLost = "CONNECTION_LOST";

    public static GradientsClientException Local(GradientsException e) => Create(Code(e.Code), e.Reason, e.Message, e.Metadata, null, null, true, e);

    public static GradientsClientException Local(StatusCode code, string reason, string message, params ReadOnlySpan<(string Key, string Value)> metadata)
    {
        var entries = new Dictionary<string, string>();
        foreach (var (key, value) in metadata)
            entries[key] = value;
        return Create(code, reason, message, entries, null, null, true, null);
    }

    public static GradientsClientException Remote(Google.Rpc.Status status, string? traceId, Exception? inner = null)
    {
        var info = status.GetDetail<ErrorInfo>();
        var retry = status.GetDetail<RetryInfo>();
        var metadata = info?.Metadata ?? new Google.Protobuf.Collections.MapField<string, string>();
        if (string.IsNullOrEmpty(traceId))
            traceId = metadata.TryGetValue("trace_id", out var id) ? id : null;
        return Create((StatusCode)status.Code, info?.Reason ?? "", status.Message, new Dictionary<string, string>(metadata), traceId, retry?.RetryDelay?.ToTimeSpan(), false, inner);
    }

    public static GradientsClientException Remote(RpcException e) =>
        e.GetRpcStatus() is { } status
            ? Remote(status, null, e)
            : Create(e.StatusCode, e.StatusCode == StatusCode.DeadlineExceeded ? ErrorReasons.DeadlineExceeded : "", e.Status.Detail, new Dictionary<string, string>(), null, null, false, e);

    /// <summary>Whether the connection failed, not the request: the server said nothing of its own.</summary>
    public static bool IsTransport(RpcException e) =>
        e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled
        && e.GetRpcStatus()?.GetDetail<ErrorInfo>() is null;

    private static GradientsClientException Create(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string> metadata, string? traceId, TimeSpan? retryAfter, bool local, Exception? inner) => reason switch
    {
        ErrorReasons.ShapeMismatch => new ShapeMismatchException(code, reason, message, metadata, inner) { TraceId = traceId, RetryAfter = retryAfter, IsLocal = local },
        ErrorReasons.DataTypeMismatch => new DataTypeMismatchException(code, reason, message, metadata, inner) { TraceId = traceId, RetryAfter = retryAfter, IsLocal = local },
        ErrorReasons.SessionNotFound or ErrorReasons.SessionExpired or ErrorReasons.SessionLost => new SessionEndedException(code, reason, message, metadata, inner) { TraceId = traceId, RetryAfter = retryAfter, IsLocal = local },
        _ => new GradientsClientException(code, reason, message, metadata, inner) { TraceId = traceId, RetryAfter = retryAfter, IsLocal = local },
    };

    private static StatusCode Code(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument => StatusCode.InvalidArgument,
        ErrorCode.OutOfRange => StatusCode.OutOfRange,
        ErrorCode.NotFound => StatusCode.NotFound,
        ErrorCode.AlreadyExists => StatusCode.AlreadyExists,
        ErrorCode.FailedPrecondition => StatusCode.FailedPrecondition,
        ErrorCode.Aborted => StatusCode.Aborted,
        ErrorCode.ResourceExhausted => StatusCode.ResourceExhausted,
        ErrorCode.Unimplemented => StatusCode.Unimplemented,
        ErrorCode.Unavailable => StatusCode.Unavailable,
        ErrorCode.Cancelled => StatusCode.Cancelled,
        _ => StatusCode.DeadlineExceeded,
    };
}
