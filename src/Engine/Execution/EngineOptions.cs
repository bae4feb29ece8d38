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
}

/// <summary>What all sessions of a process share: memory, programs and compute threads.</summary>
public sealed class EngineHost(EngineOptions? options = null) : IDisposable
{
    public EngineOptions Options { get; } = options ?? new EngineOptions();

    public BufferPool Pool { get; } = new(options?.Pool);

    public PlanCache Plans { get; } = new((options ?? new EngineOptions()).PlanCacheBytes);

    public Scheduler Scheduler { get; } = new(options?.Scheduler);

    public void Dispose()
    {
        Scheduler.Dispose();
        Pool.Dispose();
    }
}
