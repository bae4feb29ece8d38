namespace Gradients.Engine.Execution;

/// <summary>
/// Work in order: each item starts when the one before it is done. The scheduler shares its threads among the queues that
/// have work, first among their tenants, then within each.
/// </summary>
public sealed class WorkQueue
{
    private readonly Scheduler _scheduler;

    internal WorkQueue(Scheduler scheduler, Tenant owner, int capacity)
    {
        _scheduler = scheduler;
        Owner = owner;
        Capacity = capacity;
    }

    /// <summary>The most items that wait or run at one time.</summary>
    public int Capacity { get; }

    internal Tenant Owner { get; }

    internal Queue<Work> Items { get; } = new();

    /// <summary>Compute time received, in Stopwatch ticks; the queue that received least is next.</summary>
    internal long Received { get; set; }

    internal bool Running { get; set; }

    internal bool Closed { get; set; }

    /// <summary>What the head waits for came while the head still ran.</summary>
    internal bool Resumed { get; set; }

    /// <summary>Runs when the queue is closed and its head has paused.</summary>
    internal Work? Last { get; set; }

    /// <summary>Adds work behind what is there.</summary>
    /// <exception cref="GradientsException">SESSION_BUSY when the queue is full; SESSION_NOT_FOUND when it is closed; DRAINING when the scheduler is.</exception>
    public void Enqueue(Work work) => _scheduler.Enqueue(this, work);

    /// <summary>What this work waits for is there: it runs again. Without effect once the work is done.</summary>
    public void Resume(Work work) => _scheduler.Resume(this, work);

    /// <summary>Abandons what waits; what runs is abandoned at its next pause. Then runs <paramref name="last"/>.</summary>
    /// <returns>False when nothing runs and never will: the caller may do what is left itself.</returns>
    public bool TryClose(Work last) => _scheduler.Close(this, last);

    /// <summary>One party among those that share the threads.</summary>
    internal sealed class Tenant(string name)
    {
        public string Name { get; } = name;

        public long Received { get; set; }

        /// <summary>The least that one of its running queues has received: where a queue that was idle starts.</summary>
        public long Clock { get; set; }

        public int Queues { get; set; }

        public PriorityQueue<WorkQueue, long> Ready { get; } = new();

        public bool Listed { get; set; }
    }
}
