using Gradients.Engine;

namespace Gradients.Server.Hosting;

/// <summary>
/// How long a two-way stream lives: until its client has closed its side and all is answered, or early for one cause: without
/// traffic and work for too long, the server drains, or whatever its owner says.
/// </summary>
internal sealed class StreamLife : IDisposable
{
    private readonly GradientsServerOptions _options;
    private readonly CancellationTokenSource _working;
    private readonly CancellationTokenSource _reading;
    private readonly ITimer _idle;
    private readonly CancellationTokenRegistration _draining;
    private GradientsException? _cause;
    private int _inFlight;
    private volatile bool _isLeaving;

    /// <param name="over">Raised when the call, or what it is about, is over.</param>
    public StreamLife(GradientsServerOptions options, Drain drain, TimeProvider time, params CancellationToken[] over)
    {
        _options = options;
        _working = CancellationTokenSource.CreateLinkedTokenSource(over);
        _reading = CancellationTokenSource.CreateLinkedTokenSource(_working.Token);
        (Working, Reading) = (_working.Token, _reading.Token);
        _idle = time.CreateTimer(_ => EndIdle(), null, options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);
        _draining = drain.Started.Register(Leave);
    }

    /// <summary>Raised when nothing more is to be read.</summary>
    public CancellationToken Reading { get; }

    /// <summary>Raised when what is in flight has nobody to answer.</summary>
    public CancellationToken Working { get; }

    /// <summary>Whether something besides what is in flight keeps the stream from being idle.</summary>
    public Func<bool> IsBusy { get; set; } = () => false;

    /// <summary>
    /// Null = a server that drains reads nothing more; else it reads on, for what helps to finish, until nothing is in flight
    /// and this is false.
    /// </summary>
    public Func<bool>? NeedsReading { get; set; }

    /// <summary>Whether the server drains: what is read begins nothing.</summary>
    public bool IsLeaving => _isLeaving;

    /// <summary>Something more is in flight, and the stream not idle: so many now. <see cref="Done"/> is to follow.</summary>
    public int Begin() => Interlocked.Increment(ref _inFlight);

    public void Done()
    {
        Interlocked.Decrement(ref _inFlight);
        Settle();
    }

    /// <summary>Ends the reading of a stream that leaves, once nothing needs it.</summary>
    public void Settle()
    {
        if (_isLeaving && Volatile.Read(ref _inFlight) == 0 && NeedsReading?.Invoke() != true)
            Stop(finish: true);
    }

    /// <summary>There was traffic.</summary>
    public void Touch() => _idle.Change(_options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);

    /// <param name="finish">True = what is in flight may finish; false = it is cancelled.</param>
    public void End(GradientsException cause, bool finish)
    {
        if (TryCause(cause))
            Stop(finish);
    }

    /// <summary>Cancels what is in flight.</summary>
    public Task CancelAsync() => _working.CancelAsync();

    /// <summary>Reads to the end, then waits until everything is written.</summary>
    /// <param name="reading">Reads until <see cref="Reading"/> is raised.</param>
    /// <param name="complete">Tells the writer that nothing more comes.</param>
    /// <param name="writing">The writer.</param>
    /// <exception cref="GradientsException">The cause of an early end.</exception>
    public async Task RunAsync(Task reading, Action complete, Task writing)
    {
        try
        {
            await reading;
        }
        catch (OperationCanceledException) when (_cause is not null)
        {
        }
        catch
        {
            await CancelAsync();
            throw;
        }
        finally
        {
            complete();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (_cause is not null)
            throw _cause;
        await writing;
        Working.ThrowIfCancellationRequested();
    }

    public void Dispose()
    {
        _draining.Dispose();
        _idle.Dispose();
        _reading.Dispose();
        _working.Dispose();
    }

    private void Leave()
    {
        if (!TryCause(Drain.Refusal()))
            return;
        if (NeedsReading is null)
        {
            Stop(finish: true);
            return;
        }

        _isLeaving = true;
        Interlocked.MemoryBarrier();
        Settle();
    }

    /// <summary>The first cause counts.</summary>
    private bool TryCause(GradientsException cause) => Interlocked.CompareExchange(ref _cause, cause, null) is null;

    private void Stop(bool finish)
    {
        try
        {
            _reading.Cancel();
            if (!finish)
                _working.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The stream ended by itself at the same moment.
        }
    }

    private void EndIdle()
    {
        if (Volatile.Read(ref _inFlight) == 0 && !IsBusy())
            End(new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.StreamIdleTimeout, $"The stream had no traffic for {_options.StreamIdleTimeout}."), finish: true);
    }
}
