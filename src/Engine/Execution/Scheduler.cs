using System.Diagnostics;

namespace Gradients.Engine.Execution;

/// <summary>
/// Dedicated threads for all computation, so that kernels never occupy the thread pool that answers health checks. The next
/// piece of work is that of the tenant, and within it of the queue, that received the least compute time so far. Threads
/// for which no work waits help executions that run; they leave when work comes, and their time is the helped queue's.
/// Idle threads sleep.
/// </summary>
public sealed class Scheduler : IDisposable
{
    private readonly object _gate = new();
    private readonly FairLine _line;

    // Queues whose head waits for something outside: they hold neither a thread nor a place among the ready ones.
    private readonly HashSet<WorkQueue> _outside = [];
    [ThreadStatic]
    private static Scheduler? _threadScheduler;

    [ThreadStatic]
    private static WorkQueue? _threadQueue;

    private readonly List<Crew> _calls = new(16);
    private readonly Thread[] _threads;
    private readonly long _slice;
    private int _idle;
    private int _queued;
    private int _busy;
    private long _computeTicks;
    private bool _disposed;

    public Scheduler(SchedulerOptions? options = null)
    {
        options ??= new SchedulerOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        _slice = (long)(options.Slice.TotalSeconds * Stopwatch.Frequency);
        SpinTicks = (long)(options.Spin.TotalSeconds * Stopwatch.Frequency);
        _threads = new Thread[options.Threads];
        _line = new FairLine(options.Threads);
        for (var i = 0; i < _threads.Length; i++)
        {
            var index = i;
            _threads[i] = new Thread(() => Loop(index)) { IsBackground = true, Name = $"gradients-compute-{i}" };
            _threads[i].Start();
        }
    }

    public int ThreadCount => _threads.Length;

    /// <summary>How many threads could help the one that asks.</summary>
    internal int HelperCount => _threads.Length - (_threadScheduler == this ? 1 : 0);

    /// <summary>The queue whose work the calling thread runs.</summary>
    internal WorkQueue? CurrentQueue => _threadScheduler == this ? _threadQueue : null;

    /// <summary>Threads that sleep.</summary>
    internal int IdleCount => Volatile.Read(ref _idle);

    /// <summary>Whether a thread that helps is wanted elsewhere.</summary>
    internal bool HasWaiting => _line.Waiting > 0 || Volatile.Read(ref _disposed);

    internal long SpinTicks { get; }

    /// <summary>Queues that have work which is not running.</summary>
    public int WaitingQueues => _line.Waiting;

    /// <summary>Queues whose head waits for something outside.</summary>
    public int OutsideQueues
    {
        get
        {
            lock (_gate)
                return _outside.Count;
        }
    }

    /// <summary>Items of all queues that wait or run.</summary>
    public int QueuedItems => Volatile.Read(ref _queued);

    /// <summary>Threads that run something.</summary>
    public int BusyThreads => Volatile.Read(ref _busy);

    /// <summary>Time that the threads have run work, of all threads together.</summary>
    public TimeSpan ComputeTime => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _computeTicks));

    /// <param name="capacity">The most items that wait or run at one time.</param>
    public WorkQueue CreateQueue(string tenant = "", int capacity = 1024)
    {
        lock (_gate)
        {
            var owner = _line.Join(tenant);
            return new WorkQueue(this, owner, capacity) { Received = owner.Clock };
        }
    }

    /// <summary>Stops the threads at their next pause and abandons what is left.</summary>
    public void Dispose()
    {
        List<Work> left = [];
        lock (_gate)
        {
            _disposed = true;
            while (_line.TryTake(out var queue))
                Drain(queue, left);
            foreach (var queue in _outside)
                Drain(queue, left);
            _outside.Clear();
            Monitor.PulseAll(_gate);
        }

        left.ForEach(w => w.Abandon());
        foreach (var thread in _threads)
        {
            if (thread != Thread.CurrentThread)
                thread.Join();
        }
    }

    /// <summary>Asks a thread that sleeps to help. Called by the thread that owns the crew.</summary>
    internal void Call(Crew crew)
    {
        lock (_gate)
        {
            if (crew.Listed || _idle == 0)
                return;
            crew.Listed = true;
            _calls.Add(crew);
            Monitor.Pulse(_gate);
        }
    }

    internal void Enqueue(WorkQueue queue, Work work)
    {
        lock (_gate)
        {
            if (_disposed)
                throw new GradientsException(ErrorCode.Unavailable, ErrorReasons.Draining, "The engine is stopping.");
            if (queue.Closed)
                throw GradientsException.NotFound(ErrorReasons.SessionNotFound, "The session is closed.");
            if (queue.Items.Count >= queue.Capacity)
                throw new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionBusy, $"{queue.Items.Count} requests wait on this session already; try again when some are answered.")
                    .Limited("max_queued_commands", (queue.Items.Count + 1).ToString(), Sessions.SessionLimits.Subject, TimeSpan.FromMilliseconds(50));
            queue.Items.Enqueue(work);
            _queued++;
            if (!queue.Running && queue.Items.Count == 1)
                MakeReady(queue);
        }
    }

    internal void Resume(WorkQueue queue, Work work)
    {
        lock (_gate)
        {
            if (!queue.Items.TryPeek(out var head) || head != work)
                return;
            if (_outside.Remove(queue))
                MakeReady(queue);
            else
                queue.Resumed = queue.Running;
        }
    }

    /// <summary>Runs work on the calling thread; false when others wait or it takes too long, and it is not queued.</summary>
    internal bool TryRunHere(WorkQueue queue, Work work)
    {
        lock (_gate)
        {
            if (_disposed || _line.Waiting > 0 || queue.Closed || queue.Running || queue.Items.Count > 0)
                return false;
            queue.Items.Enqueue(work);
            queue.Running = true;
            _queued++;
        }

        var began = Stopwatch.GetTimestamp();
        var status = work.TryRunBriefly() ? WorkStatus.Done : WorkStatus.Parked;
        PutBack(null, queue, status, Stopwatch.GetTimestamp() - began);
        return true;
    }

    /// <summary>False when no thread is in the queue: what waited is abandoned already and <paramref name="last"/> is not kept.</summary>
    internal bool Close(WorkQueue queue, Work last)
    {
        List<Work> left = [];
        var running = false;
        lock (_gate)
        {
            if (!queue.Closed)
            {
                queue.Closed = true;
                _line.Leave(queue.Owner);
                running = queue.Running;

                // A queue that runs keeps its head: its thread abandons the head at the next pause, then runs the last.
                _outside.Remove(queue);
                if (running)
                    queue.Last = last;
                else
                    Drain(queue, left);
            }
        }

        left.ForEach(w => w.Abandon());
        return running;
    }

    private void Drain(WorkQueue queue, List<Work> left)
    {
        _queued -= queue.Items.Count;
        while (queue.Items.TryDequeue(out var work))
            left.Add(work);
    }

    private void MakeReady(WorkQueue queue)
    {
        _line.Add(queue);
        Monitor.Pulse(_gate);
    }

    /// <summary>A queue to run or a crew to help; neither when the scheduler is stopped.</summary>
    private (WorkQueue? Queue, Crew? Crew) Next(int thread)
    {
        lock (_gate)
        {
            while (true)
            {
                if (_disposed)
                    return (null, null);
                if (_line.TryTake(out var queue))
                {
                    if (queue.Items.Count == 0)
                        continue;
                    queue.Running = true;
                    _busy++;
                    _line.Run(thread, queue);
                    return (queue, null);
                }

                if (TakeCall() is { } crew)
                    return (null, crew);
                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }
        }
    }

    private Crew? TakeCall()
    {
        while (_calls.Count > 0)
        {
            var crew = _calls[^1];
            if (crew.WantsHelp)
            {
                // The call stands for the next thread as well, as long as there are any.
                if (_idle > 0)
                    Monitor.Pulse(_gate);
                else
                    Unlist();
                _busy++;
                return crew;
            }

            Unlist();
        }

        return null;

        void Unlist()
        {
            _calls[^1].Listed = false;
            _calls.RemoveAt(_calls.Count - 1);
        }
    }

    private void Loop(int thread)
    {
        _threadScheduler = this;
        while (true)
        {
            var (queue, crew) = Next(thread);
            if (crew is not null)
            {
                Help(crew);
                continue;
            }

            if (queue is null)
                return;
            _threadQueue = queue;
            for (var work = Peek(queue); work is not null;)
            {
                var began = Stopwatch.GetTimestamp();
                var status = work.Run(began + _slice);
                work = PutBack(thread, queue, status, Stopwatch.GetTimestamp() - began);
            }

            _threadQueue = null;
        }
    }

    private void Help(Crew crew)
    {
        bool stays;
        do
        {
            var busy = crew.Help(this, Stopwatch.GetTimestamp() + _slice, out stays);
            lock (_gate)
            {
                _computeTicks += busy;
                if (crew.Payer is { } payer)
                {
                    FairLine.Charge(payer, busy);
                    _line.Advance(payer.Owner);
                }
            }
        }
        while (stays && !HasWaiting);
        lock (_gate)
            _busy--;
    }

    private Work Peek(WorkQueue queue)
    {
        lock (_gate)
            return queue.Items.Peek();
    }

    /// <summary>
    /// Counts the time of a piece of work and puts its queue back in line. Returns the queue's next piece when the thread may go
    /// on with it, because nobody else waits.
    /// </summary>
    /// <param name="thread">The compute thread; null for a caller's own.</param>
    private Work? PutBack(int? thread, WorkQueue queue, WorkStatus status, long ticks)
    {
        List<Work>? left = null;
        Work? last;
        lock (_gate)
        {
            _computeTicks += ticks;
            FairLine.Charge(queue, ticks);
            if (thread is not null)
                _line.Advance(queue.Owner);
            if (status == WorkStatus.Done)
            {
                queue.Items.Dequeue();
                _queued--;
            }

            var waits = status == WorkStatus.Waiting && !queue.Resumed;
            queue.Resumed = false;
            if (thread is not null && !waits && queue.Items.Count > 0 && _line.Waiting == 0 && !queue.Closed && !_disposed)
                return queue.Items.Peek();
            queue.Running = false;
            if (thread is { } index)
            {
                _line.Stop(index);
                _busy--;
            }

            last = queue.Last;
            if (queue.Closed || _disposed)
                Drain(queue, left = []);
            else if (waits)
                _outside.Add(queue);
            else if (queue.Items.Count > 0)
                MakeReady(queue);
        }

        left?.ForEach(w => w.Abandon());
        last?.Run(long.MaxValue);
        return null;
    }
}
