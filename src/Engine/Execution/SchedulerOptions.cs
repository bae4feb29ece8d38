namespace Gradients.Engine.Execution;

public sealed record SchedulerOptions
{
    /// <summary>Dedicated compute threads, 1 to 1024. The default value is the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How long work runs while others wait. The default value is 2 ms.</summary>
    public TimeSpan Slice { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>How long a thread that helps an execution waits awake for its next piece. The default value is 50 µs.</summary>
    public TimeSpan Spin { get; init; } = TimeSpan.FromMicroseconds(50);
}
