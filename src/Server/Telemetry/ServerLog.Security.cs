namespace Gradients.Server.Telemetry;

/// <summary>Messages about who may connect and call, ids 1300 to 1399. No credentials, hashes or claims.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1300, LogLevel.Warning, "{Method} from {Remote} refused at the door: {Cause}.")]
    public static partial void Unauthorized(this ILogger logger, string method, string remote, string cause);

    [LoggerMessage(1301, LogLevel.Warning, "{Count} more calls refused at the door.")]
    public static partial void UnauthorizedSuppressed(this ILogger logger, long count);

    [LoggerMessage(1302, LogLevel.Information, "{Setting} reloaded.")]
    public static partial void Reloaded(this ILogger logger, string setting);

    [LoggerMessage(1303, LogLevel.Error, "{Setting} not reloaded, what was read before stays: {Message}")]
    public static partial void ReloadFailed(this ILogger logger, string setting, string message);

    [LoggerMessage(1304, LogLevel.Warning, "No authentication is configured: whoever reaches {Address} may compute.")]
    public static partial void Open(this ILogger logger, string address);

    [LoggerMessage(1305, LogLevel.Information, "The {Listener} listener is at {Address}.")]
    public static partial void ManagementListening(this ILogger logger, string listener, string address);
}
