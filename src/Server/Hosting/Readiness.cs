using Gradients.Server.Evaluations;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Gradients.Server.Hosting;

/// <summary>Whether requests are to be sent here: not before the server is warm, and not once it drains.</summary>
internal sealed class Readiness(Drain drain, WarmUp warmUp) : IHealthCheck
{
    /// <summary>Why not; null = it is ready.</summary>
    public string? Obstacle => drain.IsDraining ? "draining" : warmUp.IsDone ? null : "warming up";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Obstacle is { } obstacle ? HealthCheckResult.Unhealthy(obstacle) : HealthCheckResult.Healthy());
}
