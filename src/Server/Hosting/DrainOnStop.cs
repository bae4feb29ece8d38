using Gradients.Server.Telemetry;

namespace Gradients.Server.Hosting;

/// <summary>Drains before the listener closes: until then new requests still get their refusal.</summary>
internal sealed class DrainOnStop(Drain drain, GradientsServerOptions options, TimeProvider time, ILogger<DrainOnStop> logger) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        logger.Draining(options.DrainTimeout);
        await drain.RunAsync(options.DrainTimeout, time, cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
