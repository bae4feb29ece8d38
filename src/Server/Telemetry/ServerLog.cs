namespace Gradients.Server.Telemetry;

/// <summary>All log messages, with stable event ids. No tensor contents; text from clients only through <see cref="LogText"/>.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1000, LogLevel.Information, "Gradients {Version} listens on {Address} ({Isa}, incarnation {Incarnation}).")]
    public static partial void Listening(this ILogger logger, string version, string address, string isa, string incarnation);

    [LoggerMessage(1003, LogLevel.Information, "gRPC-Web and JSON are on {Address}.")]
    public static partial void WebListening(this ILogger logger, string address);

    [LoggerMessage(1001, LogLevel.Information, "Draining: new requests are refused; work in flight has {Timeout}.")]
    public static partial void Draining(this ILogger logger, TimeSpan timeout);

    [LoggerMessage(1002, LogLevel.Information, "Warmed up with {File}: {Graph}, {Time}.")]
    public static partial void WarmedUp(this ILogger logger, string file, string graph, TimeSpan time);

    [LoggerMessage(1004, LogLevel.Debug, "The warm-up did not get through to {Address}: {Cause}")]
    public static partial void NotRehearsed(this ILogger logger, string address, string cause);

    [LoggerMessage(1100, LogLevel.Debug, "{Method} failed: {Reason}, trace {TraceId}.")]
    public static partial void Refused(this ILogger logger, string method, string reason, string traceId);

    [LoggerMessage(1101, LogLevel.Error, "{Method} failed unexpectedly, trace {TraceId}.")]
    public static partial void Faulted(this ILogger logger, Exception exception, string method, string traceId);

    [LoggerMessage(1200, LogLevel.Debug, "Session {Session} opened, label '{Label}'.")]
    public static partial void SessionOpened(this ILogger logger, string session, string label);

    [LoggerMessage(1201, LogLevel.Debug, "Session {Session} ended: {Cause}.")]
    public static partial void SessionEnded(this ILogger logger, string session, string cause);

    [LoggerMessage(1202, LogLevel.Error, "The sweep of expired sessions failed.")]
    public static partial void SweepFailed(this ILogger logger, Exception exception);
}
