using Gradients.Engine;

namespace Gradients.Server.Hosting;

/// <summary>
/// The way down: once draining, new requests are refused; those in flight finish, and what is left after the time allowed
/// is cancelled.
/// </summary>
internal sealed class Drain : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _started = new();
    private readonly CancellationTokenSource _aborted = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inFlight;

    public bool IsDraining => _started.IsCancellationRequested;

    /// <summary>Raised when draining starts: streams read no further.</summary>
    public CancellationToken Started => _started.Token;

    /// <summary>Raised when the time for work in flight is over.</summary>
    public CancellationToken Aborted => _aborted.Token;

    public static GradientsException Refusal() =>
        new(ErrorCode.Unavailable, ErrorReasons.Draining, "The server is shutting down and takes no new work.");

    /// <summary>Counts a request in; <see cref="Leave"/> counts it out.</summary>
    /// <exception cref="GradientsException">DRAINING.</exception>
    public void Enter()
    {
        lock (_gate)
        {
            if (IsDraining)
                throw Refusal();
            _inFlight++;
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            if (--_inFlight == 0 && IsDraining)
                _empty.TrySetResult();
        }
    }

    /// <summary>Starts draining, waits at most <paramref name="timeout"/> for work in flight, then cancels it.</summary>
    public async Task RunAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellation)
    {
        await _started.CancelAsync();
        lock (_gate)
        {
            if (_inFlight == 0)
                _empty.TrySetResult();
        }

        try
        {
            await _empty.Task.WaitAsync(timeout, time, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
        }

        await _aborted.CancelAsync();
    }

    public void Dispose()
    {
        _started.Dispose();
        _aborted.Dispose();
    }
}
