namespace Gradients.Server.Hosting;

internal static class Timeouts
{
    /// <summary>A client's timeout as a timer takes it: what has passed already passes at once, and a day is as good as none.</summary>
    public static TimeSpan Bound(TimeSpan timeout) =>
        timeout <= TimeSpan.Zero ? TimeSpan.FromTicks(1) : timeout > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : timeout;
}
