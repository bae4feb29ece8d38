namespace Gradients.Engine.Execution;

public enum WorkStatus
{
    Done,

    /// <summary>Not finished: wants to run again.</summary>
    Parked,

    /// <summary>Not finished: wants to run again when <see cref="WorkQueue.Resume"/> says so, perhaps before.</summary>
    Waiting,
}

/// <summary>Something that runs on compute threads, piece by piece.</summary>
public abstract class Work
{
    /// <summary>
    /// Goes on until done or until <paramref name="parkAt"/> (a Stopwatch timestamp) has passed. Must not throw: failures
    /// are the work's own results.
    /// </summary>
    protected internal abstract WorkStatus Run(long parkAt);

    /// <summary>Called instead of <see cref="Run"/> when the scheduler or the queue is closed before the work is done.</summary>
    protected internal abstract void Abandon();
}
