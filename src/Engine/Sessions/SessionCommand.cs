using System.Diagnostics;
using Gradients.Engine.Execution;

namespace Gradients.Engine.Sessions;

/// <summary>One request in a session's queue: defines its nodes, then advances piece by piece until it has a result.</summary>
internal abstract class SessionCommand<TResult>(GraphSession session, SessionRequest request, CancellationToken cancellation) : Work
{
    private readonly TaskCompletionSource<TResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _queued = Stopwatch.GetTimestamp();
    private readonly long _entered = session.Host.Options.Time.GetTimestamp();
    private long _started;

    public Task<TResult> Completion => _completion.Task;

    /// <summary>True = executed however long it waited.</summary>
    public bool WaitsAsLongAsNeeded { get; init; }

    protected GraphSession Session { get; } = session;

    protected CancellationToken Cancellation { get; } = cancellation;

    protected TimeSpan Queued => Stopwatch.GetElapsedTime(_queued, _started);

    protected internal override WorkStatus Run(long parkAt)
    {
        try
        {
            if (_started == 0)
                Start();
            if (Advance(parkAt, out var result) is var status and not WorkStatus.Done)
                return status;
            Release();
            _completion.TrySetResult(result);
        }
        catch (OperationCanceledException e)
        {
            Release();
            _completion.TrySetCanceled(e.CancellationToken);
        }
        catch (GradientsException e)
        {
            if (e.Position is { } position && IdOf(position) is not 0 and var id)
                e.With("node", id.ToString());
            Release();
            _completion.TrySetException(e);
        }
        catch (OverflowException e)
        {
            Release();
            _completion.TrySetException(new GradientsException(ErrorCode.ResourceExhausted, ErrorReasons.MemoryBudgetExceeded, "The request's size does not fit 64 bits.", e));
        }
        catch (Exception e)
        {
            // Compute threads outlive any fault of one request; the caller gets it.
            Release();
            _completion.TrySetException(e);
        }

        return WorkStatus.Done;
    }

    protected internal override void Abandon()
    {
        Release();
        _completion.TrySetException(GradientsException.NotFound(ErrorReasons.SessionNotFound, "The session was closed while the request waited."));
    }

    /// <summary>Goes on. Changes nothing in the session before it cannot fail any more.</summary>
    protected abstract WorkStatus Advance(long parkAt, out TResult result);

    /// <summary>Gives back what the command itself holds; called once at its end, whatever the end.</summary>
    protected virtual void Release()
    {
    }

    /// <summary>The id of the definition at a position of the program that runs.</summary>
    protected virtual ulong IdOf(int position) => 0;

    private void Start()
    {
        _started = Stopwatch.GetTimestamp();
        Session.Host.Metrics.Queued(Queued);
        GradientsActivities.Record(GradientsActivities.Queue, request.Trace, _queued, _started);
        Cancellation.ThrowIfCancellationRequested();
        RequireInTime();
        Session.ExpireRuns();
        if (request.Functions.Count + request.Nodes.Count > 0)
            Session.Define(request.Functions, request.Nodes);
    }

    /// <summary>Under overload, work for callers that have given up keeps others waiting: what is late is refused, cheaply.</summary>
    private void RequireInTime()
    {
        var most = Session.Limits.MaxQueueWait;
        if (WaitsAsLongAsNeeded || Session.Host.Options.Time.GetElapsedTime(_entered) is var waited && waited <= most)
            return;
        throw new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionBusy, $"The request waited {waited}; after {most} it is not executed any more. Nothing has changed.")
            .Limited("max_queue_wait", waited.ToString(), SessionLimits.Subject, TimeSpan.FromSeconds(1));
    }
}

/// <summary>A request that is done at once.</summary>
internal sealed class ImmediateCommand<TResult>(GraphSession session, SessionRequest request, Func<TResult> action, CancellationToken cancellation)
    : SessionCommand<TResult>(session, request, cancellation)
{
    protected override WorkStatus Advance(long parkAt, out TResult result)
    {
        result = action();
        return WorkStatus.Done;
    }
}
