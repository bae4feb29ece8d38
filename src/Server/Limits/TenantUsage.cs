using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Server.Graphs;
using Gradients.Server.Hosting;
using Gradients.Server.Sessions;

namespace Gradients.Server.Limits;

/// <summary>What one tenant uses now, and the replies kept for it that belong to no session.</summary>
internal sealed class TenantUsage
{
    private readonly TimeProvider _time;
    private long _lastUse;

    public TenantUsage(string name, TenantQuota quota, ServerQuotas server, GraphStore store, GradientsServerOptions options, TimeProvider time)
    {
        _time = time;
        _lastUse = time.GetTimestamp();
        Name = name;
        var subject = TenantShare.SubjectOf(name);
        MaxSessions = (int)PartOf(quota.MaxSessions, options.MaxSessions);
        Sessions = new Quota("max_sessions", MaxSessions, ErrorReasons.SessionQuota, subject, server.Sessions, ServerQuotas.Later);
        Uploads = new Quota("max_uploads", PartOf(quota.MaxUploads, options.MaxUploads), ErrorReasons.LimitExceeded, subject, server.Uploads, ServerQuotas.Later);
        Calls = new Quota("max_concurrent_calls", PartOf(quota.MaxConcurrentCalls, options.MaxConcurrentCalls), ErrorReasons.LimitExceeded, subject, server.Calls, ServerQuotas.Soon);
        Streams = new Quota("max_streams", PartOf(quota.MaxStreams, options.MaxStreams), ErrorReasons.LimitExceeded, subject, server.Streams, ServerQuotas.Later);
        Wire = new Quota("max_wire_bytes", PartOf(quota.MaxWireBytes, options.WireBudgetBytes), ErrorReasons.MemoryBudgetExceeded, subject, server.Wire, ServerQuotas.Soon);
        Bytes = new Quota("max_bytes", PartOf(quota.MaxBytes, options.MemoryBudgetBytes), ErrorReasons.MemoryBudgetExceeded, subject, retryAfter: ServerQuotas.Later);
        Flops = new FlopBucket(quota.MaxFlopsPerSecond, quota.FlopBurst, time, subject);
        Engine = new TenantShare(name)
        {
            Bytes = Bytes,
            Nodes = new Quota("max_nodes", PartOf(quota.MaxNodes, options.MaxNodes), ErrorReasons.SessionQuota, subject, server.Nodes, ServerQuotas.Later),
            Runs = new Quota("max_runs", PartOf(quota.MaxRuns, options.MaxRuns), ErrorReasons.SessionQuota, subject, server.Runs, ServerQuotas.Later),
            Flops = Flops,
            MaxFlopsPerRequest = quota.MaxFlopsPerRequest,
        };
        Graphs = new TenantGraphs(store, Engine, PartOf(quota.MaxGraphs, options.MaxGraphs), PartOf(quota.MaxGraphBytes, options.GraphStoreBytes));
        Openings = new RequestLog(options.RequestIdWindow);
    }

    public string Name { get; }

    public int MaxSessions { get; }

    public Quota Sessions { get; }

    public Quota Uploads { get; }

    public Quota Calls { get; }

    public Quota Streams { get; }

    /// <summary>Bytes of messages in flight.</summary>
    public Quota Wire { get; }

    /// <summary>Bytes of the memory budget.</summary>
    public Quota Bytes { get; }

    public FlopBucket Flops { get; }

    /// <summary>The tenant's part of the engine.</summary>
    public TenantShare Engine { get; }

    /// <summary>The graphs that it stored: they end with it, and do not keep it from being forgotten.</summary>
    public TenantGraphs Graphs { get; }

    /// <summary>Opened sessions by request id: ids are the client's own choice, so each tenant has its own.</summary>
    public RequestLog Openings { get; }

    public void Touch() => Volatile.Write(ref _lastUse, _time.GetTimestamp());

    /// <summary>True when forgetting the tenant changes nothing: it uses nothing, owes nothing and sent nothing for some time.</summary>
    public bool IsIdle(TimeSpan time) =>
        Calls.Used == 0 && Sessions.Used == 0 && Bytes.Used == Graphs.Bytes && Flops.IsFull && _time.GetElapsedTime(Volatile.Read(ref _lastUse)) >= time;

    /// <summary>0 = three quarters, at least 1; for the one tenant of a server without authentication the whole.</summary>
    private long PartOf(long quota, long whole) => quota != 0 ? quota : Name.Length == 0 ? whole : Math.Max(1, whole - (whole / 4));
}
