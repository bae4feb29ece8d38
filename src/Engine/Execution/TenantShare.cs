namespace Gradients.Engine.Execution;

/// <summary>
/// One party among those that share an engine, and what all its sessions together may use. Compute time is shared fairly by
/// name; plans are cached by name; the quotas that are null do not bound it.
/// </summary>
public sealed class TenantShare(string name = "")
{
    public string Name { get; } = name;

    /// <summary>How refusals call it.</summary>
    public string Subject { get; } = SubjectOf(name);

    /// <summary>Bytes of the pool's budget: tensors, arenas, runs, graphs, compilations.</summary>
    public Quota? Bytes { get; init; }

    /// <summary>Nodes that are defined.</summary>
    public Quota? Nodes { get; init; }

    /// <summary>Runs that are kept.</summary>
    public Quota? Runs { get; init; }

    /// <summary>Floating-point operations over time.</summary>
    public FlopBucket? Flops { get; init; }

    /// <summary>The most floating-point operations of one request, by the plan's estimate. The default value is unbounded.</summary>
    public double MaxFlopsPerRequest { get; init; } = double.PositiveInfinity;

    public static string SubjectOf(string name) => $"tenant:{name}";
}
