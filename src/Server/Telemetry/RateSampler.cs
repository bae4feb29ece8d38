using OpenTelemetry.Trace;

namespace Gradients.Server.Telemetry;

/// <summary>
/// Records at most so many traces a second, and as many at once when there were none for a second: everything of a quiet
/// server, a bounded part of a busy one. Allocates nothing and takes no lock.
/// </summary>
/// <remarks>
/// The generic cell rate algorithm: a trace moves the theoretical arrival time on by 1/rate; it is recorded when that time is
/// no more than the burst ahead of the clock.
/// </remarks>
internal sealed class RateSampler(double perSecond, TimeProvider time) : Sampler
{
    private readonly long _interval = perSecond > 0 ? Math.Max(1, (long)(time.TimestampFrequency / perSecond)) : 0;
    private readonly long _burst = perSecond >= 1 ? time.TimestampFrequency : 0;
    private long _arrival;

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => new(TryTake());

    private bool TryTake()
    {
        if (_interval == 0)
            return false;
        while (true)
        {
            var now = time.GetTimestamp();
            var arrival = Volatile.Read(ref _arrival);
            var next = Math.Max(arrival, now) + _interval;
            if (next - now > Math.Max(_burst, _interval))
                return false;
            if (Interlocked.CompareExchange(ref _arrival, next, arrival) == arrival)
                return true;
        }
    }
}
