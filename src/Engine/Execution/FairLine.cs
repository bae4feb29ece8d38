using System.Diagnostics.CodeAnalysis;

namespace Gradients.Engine.Execution;

/// <summary>
/// The queues that have work, in the order in which they run: first that of the tenant, and within it of the queue, that
/// received the least compute time. Whoever calls holds the scheduler's gate; <see cref="Waiting"/> may be read without.
/// </summary>
internal sealed class FairLine(int threads)
{
    private readonly Dictionary<string, WorkQueue.Tenant> _tenants = [];
    private readonly PriorityQueue<WorkQueue.Tenant, long> _ready = new();
    private readonly WorkQueue?[] _running = new WorkQueue?[threads];

    // The least that a running tenant has received: where a tenant that was idle starts.
    private long _clock;
    private int _waiting;

    /// <summary>Queues that have work which is not running.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>The tenant, who has one queue more.</summary>
    public WorkQueue.Tenant Join(string name)
    {
        if (!_tenants.TryGetValue(name, out var tenant))
            _tenants[name] = tenant = new WorkQueue.Tenant(name) { Received = _clock };
        tenant.Queues++;
        return tenant;
    }

    /// <summary>The tenant has one queue less.</summary>
    public void Leave(WorkQueue.Tenant tenant)
    {
        if (--tenant.Queues == 0)
            _tenants.Remove(tenant.Name);
    }

    public void Add(WorkQueue queue)
    {
        // Whoever was idle starts at the present, so that it cannot save up time.
        queue.Received = Math.Max(queue.Received, queue.Owner.Clock);
        queue.Owner.Ready.Enqueue(queue, queue.Received);
        _waiting++;
        if (!queue.Owner.Listed)
        {
            queue.Owner.Received = Math.Max(queue.Owner.Received, _clock);
            List(queue.Owner);
        }
    }

    /// <summary>Takes the queue whose turn it is; what it had may have been abandoned by now.</summary>
    public bool TryTake([NotNullWhen(true)] out WorkQueue? queue)
    {
        while (_ready.TryDequeue(out var tenant, out _))
        {
            tenant.Listed = false;
            if (!tenant.Ready.TryDequeue(out queue, out _))
                continue;
            if (tenant.Ready.Count > 0)
                List(tenant);
            _waiting--;
            return true;
        }

        queue = null;
        return false;
    }

    /// <summary>The thread runs the queue from now on.</summary>
    public void Run(int thread, WorkQueue queue)
    {
        _running[thread] = queue;
        Advance(queue.Owner);
    }

    public void Stop(int thread) => _running[thread] = null;

    /// <summary>Counts compute time that the queue received.</summary>
    public static void Charge(WorkQueue queue, long ticks)
    {
        queue.Received += ticks;
        queue.Owner.Received += ticks;
    }

    /// <summary>Moves the clocks to the least that one of those who run has received.</summary>
    public void Advance(WorkQueue.Tenant tenant)
    {
        long leastTenant = long.MaxValue, leastQueue = long.MaxValue;
        foreach (var queue in _running)
        {
            if (queue is null)
                continue;
            leastTenant = Math.Min(leastTenant, queue.Owner.Received);
            if (queue.Owner == tenant)
                leastQueue = Math.Min(leastQueue, queue.Received);
        }

        _clock = Math.Max(_clock, leastTenant);
        tenant.Clock = Math.Max(tenant.Clock, leastQueue);
    }

    private void List(WorkQueue.Tenant tenant)
    {
        tenant.Listed = true;
        _ready.Enqueue(tenant, tenant.Received);
    }
}
