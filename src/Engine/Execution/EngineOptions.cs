using System.Diagnostics.Metrics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

public sealed record EngineOptions
{
    public BufferPoolOptions Pool { get; init; } = new();

    public SchedulerOptions Scheduler { get; init; } = new();

    /// <summary>The most bytes that compiled programs take. The default value is 256 MiB.</summary>
    public long PlanCacheBytes { get; init; } = 256L << 20;

    /// <summary>The clock of runs' lifetimes. The default value is the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The most floating-point operations of one request, by the plan's estimate. The default value is 10¹³.</summary>
    public double MaxFlopsPerRequest { get; init; } = 1e13;

    /// <summary>One span for each op of recorded requests, without being asked for a profile. The default value is false.</summary>
    public bool OpSpans { get; init; }

    /// <summary>Where the instruments are made; it stays its owner's. The default value is null: a meter of the engine's own.</summary>
    public Meter? Meter { get; init; }
}

/// <summary>What all sessions of a process share: memory, programs and compute threads.</summary>
public sealed class EngineHost : IDisposable
{
    private readonly Meter? _ownMeter;

    public EngineHost(EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        Pool = new BufferPool(Options.Pool);
        Plans = new PlanCache(Options.PlanCacheBytes);
        Scheduler = new Scheduler(Options.Scheduler);
        _ownMeter = Options.Meter is null ? new Meter(GradientsActivities.SourceName) : null;
        Metrics = new EngineMetrics(Options.Meter ?? _ownMeter!, this);
    }

    public EngineOptions Options { get; }

    public BufferPool Pool { get; }

    public PlanCache Plans { get; }

    public Scheduler Scheduler { get; }

    public EngineMetrics Metrics { get; }

    public void Dispose()
    {
        _ownMeter?.Dispose();
        Scheduler.Dispose();
        Pool.Dispose();
    }
}
