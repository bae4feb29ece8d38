namespace Gradients.Engine;

/// <summary>The kind of failure; each value maps one to one to a gRPC status code of the same name.</summary>
public enum ErrorCode
{
    InvalidArgument,
    OutOfRange,
    NotFound,
    AlreadyExists,
    FailedPrecondition,
    Aborted,
    ResourceExhausted,
    Unimplemented,
    Unavailable,
    Cancelled,
    DeadlineExceeded,
}

/// <summary>
/// A failure that the caller can act on: a code, a stable reason, a message for people, and metadata for programs
/// (<c>node</c>, <c>op</c>, <c>shapes</c>…). Everything wrong with a request is reported as this exception.
/// </summary>
public sealed class GradientsException(ErrorCode code, string reason, string message, Exception? inner = null)
    : Exception(message, inner)
{
    private readonly Dictionary<string, string> _metadata = [];

    public ErrorCode Code { get; } = code;

    /// <summary>A stable upper-case reason, one of <see cref="ErrorReasons"/>.</summary>
    public string Reason { get; } = reason;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The offending definition's position in the request's canonical order; the session turns it into an id.</summary>
    internal int? Position { get; set; }

    /// <summary>Adds a metadata entry unless the key is taken: the innermost place knows best.</summary>
    public GradientsException With(string key, string value)
    {
        _metadata.TryAdd(key, value);
        return this;
    }

    /// <summary>Whose limit refused: <c>tenant:name</c>, <c>session:id</c> or <c>server</c>; null where no limit did.</summary>
    public string? Subject { get; set; }

    /// <summary>When trying again may help; null where waiting does not.</summary>
    public TimeSpan? RetryAfter { get; private set; }

    /// <summary>Names the limit that refused.</summary>
    /// <param name="value">What was asked for.</param>
    public GradientsException Limited(string limit, string value, string subject, TimeSpan? retryAfter = null)
    {
        (Subject, RetryAfter) = (subject, retryAfter);
        return With("limit", limit).With("value", value);
    }

    public static GradientsException Invalid(string reason, string message) => new(ErrorCode.InvalidArgument, reason, message);

    public static GradientsException NotFound(string reason, string message) => new(ErrorCode.NotFound, reason, message);

    public static GradientsException Precondition(string reason, string message) => new(ErrorCode.FailedPrecondition, reason, message);

    public static GradientsException Exhausted(string reason, string message) => new(ErrorCode.ResourceExhausted, reason, message);

    public static GradientsException Unimplemented(string reason, string message) => new(ErrorCode.Unimplemented, reason, message);
}
