using Gradients.Engine.Graph;

namespace Gradients.Engine.Sessions;

public sealed record SessionLimits
{
    /// <summary>The subject of refusals by a session's own limits; whoever knows the session's name puts it in its place.</summary>
    public const string Subject = "session";

    public GraphLimits Graph { get; init; } = new();

    /// <summary>The most bytes of variables, gradients, optimizer state, runs and tensors. The default value is 1 GiB.</summary>
    public long MaxBytes { get; init; } = 1L << 30;

    /// <summary>The most runs that are kept for a backward. The default value is 64.</summary>
    public int MaxRuns { get; init; } = 64;

    /// <summary>How long a run is kept without being used. The default value is 10 minutes.</summary>
    public TimeSpan RunLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The most uploaded or fetched tensors that are held by handle. The default value is 10,000.</summary>
    public int MaxTensors { get; init; } = 10_000;

    /// <summary>The most requests that wait. The default value is 1,024.</summary>
    public int MaxQueued { get; init; } = 1024;

    /// <summary>How long a request may wait; what waited longer is refused, not executed. The default value is unbounded.</summary>
    public TimeSpan MaxQueueWait { get; init; } = TimeSpan.MaxValue;
}
