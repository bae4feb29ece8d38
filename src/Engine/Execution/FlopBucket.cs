namespace Gradients.Engine.Execution;

/// <summary>
/// Bounds floating-point operations per second: a bucket that fills at a rate and holds so many seconds of it. A request
/// needs as much as it costs, or a full bucket when it costs more than one, and then leaves a debt that later ones wait for.
/// </summary>
/// <param name="perSecond">Operations per second.</param>
/// <param name="burst">How much time the bucket holds; it is full at the start.</param>
/// <param name="subject">Whose limit it is.</param>
public sealed class FlopBucket(double perSecond, TimeSpan burst, TimeProvider time, string subject)
{
    private readonly Lock _gate = new();
    private readonly double _capacity = perSecond * burst.TotalSeconds;
    private double _level = perSecond * burst.TotalSeconds;
    private long _filled = time.GetTimestamp();

    public bool IsFull
    {
        get
        {
            lock (_gate)
            {
                Fill();
                return _level >= _capacity;
            }
        }
    }

    /// <exception cref="GradientsException">COMPUTE_QUOTA with the time until the same request would be let through.</exception>
    public void Take(double flops)
    {
        lock (_gate)
        {
            Fill();
            var needed = Math.Min(flops, _capacity);
            if (_level >= needed)
            {
                _level -= flops;
                return;
            }

            // Rounded up, so that whoever waits as told is let through.
            var delay = TimeSpan.FromMilliseconds(Math.Ceiling((needed - _level) / perSecond * 1000) + 1);
            throw GradientsException.Exhausted(ErrorReasons.ComputeQuota, $"The request needs about {flops:G3} floating-point operations; {perSecond:G3} per second are allowed over {burst.TotalSeconds:G3} seconds.")
                .Limited("max_flops_per_second", $"{flops:G3}", subject, delay);
        }
    }

    /// <summary>Gives back what was taken for a request that did not run.</summary>
    public void Give(double flops)
    {
        lock (_gate)
            _level = Math.Min(_capacity, _level + flops);
    }

    private void Fill()
    {
        var now = time.GetTimestamp();
        _level = Math.Min(_capacity, _level + (time.GetElapsedTime(_filled, now).TotalSeconds * perSecond));
        _filled = now;
    }
}
