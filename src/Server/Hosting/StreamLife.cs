using Gradients.Engine;

namespace Gradients.Server.Hosting;

/// <summary>
/// How long a two-way stream lives: until its client has closed its side and all is answered, or early for one cause: without
/// traffic and work for too long, the server drains, or whatever its owner says.
/// </summary>
internal sealed class StreamLife : IDisposable
{
    private readonly Lock _gate = new();
    private readonly GradientsServerOptions _options;
    private readonly CancellationTokenSource _working;
    private readonly CancellationTokenSource _reading;
    private readonly ITimer _idle;
    private readonly CancellationTokenRegistration _draining;
    private GradientsException? _cause;
    private int _inFlight;

    /// <param name="over">Raised when the call, or what it is about, is over.</param>
    public StreamLife(GradientsServerOptions options, Drain drain, TimeProvider time, params CancellationToken[] over)
    {
        _options = options;
        _working = CancellationTokenSource.CreateLinkedTokenSource(over);
        _reading = CancellationTokenSource.CreateLinkedTokenSource(_working.Token);
        (Working, Reading) = (_working.Token, _reading.Token);
        _idle = time.CreateTimer(_ => EndIdle(), null, options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);
        _draining = drain.Started.Register(() => End(Drain.Refusal(), finish: true));
    }

    /// <summary>Raised when nothing more is to be read.</summary>
    public CancellationToken Reading { get; }

    /// <summary>Raised when what is in flight has nobody to answer.</summary>
    public CancellationToken Working { get; }

    /// <summary>Whether something besides what is in flight keeps the stream from being idle.</summary>
    public Func<bool> IsBusy { get; set; } = () => false;

    /// <summary>Something more is in flight, and the stream not idle: so many now. <see cref="Done"/> is to follow.</summary>
    public int Begin() => Interlocked.Increment(ref _inFlight);

    public void Done() => Interlocked.Decrement(ref _inFlight);

    /// <summary>There was traffic.</summary>
    public void Touch() => _idle.Change(_options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);

    /// <param name="finish">True = what is in flight may finish; false = it is cancelled.</param>
    public void End(GradientsException cause, bool finish)
    {
        lock (_gate)
        {
            if (_cause is not null)
                return;
            _cause = cause;
        }

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

    private void EndIdle()
    {
        if (Volatile.Read(ref _inFlight) == 0 && !IsBusy())
            End(new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.StreamIdleTimeout, $"The stream had no traffic for {_options.StreamIdleTimeout}."), finish: true);
    }
}
