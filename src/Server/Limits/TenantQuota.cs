using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Limits;

/// <summary>
/// What one tenant may use: section <c>Gradients:Quotas</c> for every tenant, <c>Gradients:Tenants:NAME</c> for one, where
/// what is not set is as in <c>Gradients:Quotas</c>. Each counts all of the tenant's calls and sessions together; the server's
/// own limits apply beside them. 0 = three quarters of the server's limit, so that none takes everything; where no
/// authentication is configured there is one tenant, and 0 is the whole.
/// </summary>
public sealed record TenantQuota
{
    /// <summary>Sessions at the same time. The default value is 0.</summary>
    [Range(0, 1_000_000)]
    public int MaxSessions { get; set; }

    /// <summary>Nodes defined in all sessions. The default value is 0.</summary>
    [Range(0L, 1_000_000_000L)]
    public long MaxNodes { get; set; }

    /// <summary>Runs kept in all sessions. The default value is 0.</summary>
    [Range(0, 10_000_000)]
    public int MaxRuns { get; set; }

    /// <summary>Bytes of the memory budget: tensors, uploads, runs, arenas, graphs, compilations. The default value is 0.</summary>
    [Range(0L, 1L << 46)]
    public long MaxBytes { get; set; }

    /// <summary>Bytes of the wire budget: requests and replies in flight. The default value is 0.</summary>
    [Range(0L, 1L << 40)]
    public long MaxWireBytes { get; set; }

    /// <summary>Stored graphs; above it the one used longest ago is forgotten. The default value is 0.</summary>
    [Range(0, 1_000_000)]
    public int MaxGraphs { get; set; }

    /// <summary>Bytes of stored graphs; above it the one used longest ago is forgotten. The default value is 0.</summary>
    [Range(0L, 1L << 40)]
    public long MaxGraphBytes { get; set; }

    /// <summary>Uploads at the same time. The default value is 0.</summary>
    [Range(0, 100_000)]
    public int MaxUploads { get; set; }

    /// <summary>Calls at the same time, streams included. The default value is 0.</summary>
    [Range(0, 1_000_000)]
    public int MaxConcurrentCalls { get; set; }

    /// <summary>Streaming calls at the same time. The default value is 0.</summary>
    [Range(0, 1_000_000)]
    public int MaxStreams { get; set; }

    /// <summary>Floating-point operations of one request, by the plan's estimate. The default value is 10¹³.</summary>
    [Range(1.0, 1e21)]
    public double MaxFlopsPerRequest { get; set; } = 1e13;

    /// <summary>Floating-point operations per second, by the plans' estimates. The default value is 10¹², more than two cores reach.</summary>
    [Range(1.0, 1e21)]
    public double MaxFlopsPerSecond { get; set; } = 1e12;

    /// <summary>How many seconds of <see cref="MaxFlopsPerSecond"/> may be used at once. The default value is 10 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan FlopBurst { get; set; } = TimeSpan.FromSeconds(10);
}
