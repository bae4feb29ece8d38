using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Gradients.Engine;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Errors;

/// <summary>Failures as <c>google.rpc.Status</c>: always with ErrorInfo, and BadRequest, QuotaFailure and RetryInfo where they help.</summary>
internal static class ErrorStatus
{
    public const string Domain = "gradients.v1";

    // Trailers travel in one header block, so texts that clients provoke are cut.
    private const int MaxMessage = 1024;
    private const int MaxValue = 256;
    private const int MaxEntries = 16;

    public static Status Of(GradientsException e, string? traceId = null)
    {
        var status = Of(CodeOf(e.Code), e.Reason, e.Message, e.Metadata, traceId);
        if (e.Code is ErrorCode.InvalidArgument && e.Metadata.TryGetValue("field", out var field))
            Add(status, new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = Cut(field, MaxValue), Description = Cut(e.Message, MaxValue), Reason = e.Reason } } });
        if (e.Code is ErrorCode.ResourceExhausted)
            Add(status, Violation(e));
        if (e.RetryAfter is { } delay)
            Add(status, new RetryInfo { RetryDelay = delay.ToDuration() });
        return status;
    }

    public static Status Of(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string>? metadata = null, string? traceId = null)
    {
        var info = new ErrorInfo { Domain = Domain, Reason = reason };
        foreach (var (key, value) in metadata?.Take(MaxEntries) ?? [])
            info.Metadata[key] = Cut(value, MaxValue);
        if (traceId is not null)
            info.Metadata["trace_id"] = traceId;
        var status = new Status { Code = (int)code, Message = Cut(message, MaxMessage) };
        Add(status, info);
        return status;
    }

    public static string ReasonOf(Status status) => status.GetDetail<ErrorInfo>()?.Reason ?? "";

    private static void Add(Status status, IMessage detail) => status.Details.Add(Any.Pack(detail));

    private static StatusCode CodeOf(ErrorCode code) => code switch
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
        ErrorCode.DeadlineExceeded => StatusCode.DeadlineExceeded,
        _ => StatusCode.Internal,
    };

    /// <summary>Who is over which limit: the tenant, the session or the server as a whole.</summary>
    private static QuotaFailure Violation(GradientsException e)
    {
        var limit = e.Metadata.TryGetValue("limit", out var name) ? $"{name}: " : "";
        return new QuotaFailure { Violations = { new QuotaFailure.Types.Violation { Subject = Cut(e.Subject ?? "server", MaxValue), Description = Cut(limit + e.Message, MaxValue) } } };
    }

    private static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[length - 1]) ? length - 1 : length), "…");
    }
}
