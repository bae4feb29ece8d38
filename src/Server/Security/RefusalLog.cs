using Gradients.Server.Telemetry;

namespace Gradients.Server.Security;

/// <summary>Logs refused calls, at most <see cref="MaxPerWindow"/> a minute one by one and the others as a number: an attack must not fill the disk.</summary>
internal sealed class RefusalLog(TimeProvider time, ILogger<RefusalLog> logger)
{
    public const int MaxPerWindow = 20;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private DateTimeOffset _end = DateTimeOffset.MinValue;
    private long _count;

    public void Add(HttpContext context, string cause)
    {
        long suppressed = 0;
        bool isShown;
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (now >= _end)
            {
                suppressed = Math.Max(0, _count - MaxPerWindow);
                _count = 0;
                _end = now + Window;
            }

            isShown = ++_count <= MaxPerWindow;
        }

        if (suppressed > 0)
            logger.UnauthorizedSuppressed(suppressed);
        if (isShown)
            logger.Unauthorized(LogText.Escape(context.Request.Path.Value ?? ""), context.Connection.RemoteIpAddress?.ToString() ?? "unknown", cause);
    }
}
