using Gradients.Engine;
using Gradients.Server.Hosting;

namespace Gradients.Server.Limits;

/// <summary>What all tenants together may use, beside the engine's memory budget.</summary>
internal sealed class ServerQuotas(GradientsServerOptions options)
{
    public static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan Later = TimeSpan.FromSeconds(1);

    public Quota Sessions { get; } = new("max_sessions", options.MaxSessions, ErrorReasons.SessionQuota, retryAfter: Later);

    public Quota Nodes { get; } = new("max_nodes", options.MaxNodes, ErrorReasons.SessionQuota, retryAfter: Later);

    public Quota Runs { get; } = new("max_runs", options.MaxRuns, ErrorReasons.SessionQuota, retryAfter: Later);

    public Quota Uploads { get; } = new("max_uploads", options.MaxUploads, ErrorReasons.LimitExceeded, retryAfter: Later);

    public Quota Calls { get; } = new("max_concurrent_calls", options.MaxConcurrentCalls, ErrorReasons.LimitExceeded, retryAfter: Soon);

    public Quota Streams { get; } = new("max_streams", options.MaxStreams, ErrorReasons.LimitExceeded, retryAfter: Later);

    /// <summary>Bytes of managed memory of requests and replies in flight.</summary>
    public Quota Wire { get; } = new("wire_budget_bytes", options.WireBudgetBytes, ErrorReasons.MemoryBudgetExceeded, retryAfter: Soon);
}
