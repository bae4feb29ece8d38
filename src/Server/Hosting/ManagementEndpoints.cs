using System.Net;
using Gradients.Server.Telemetry;

namespace Gradients.Server.Hosting;

/// <summary>What operators and probes ask over HTTP/1.1 on the management listener.</summary>
internal static class ManagementEndpoints
{
    public static void MapManagement(this WebApplication app)
    {
        var drain = app.Services.GetRequiredService<Drain>();
        var readiness = app.Services.GetRequiredService<Readiness>();
        app.MapGet("/healthz", context => context.Response.WriteAsync("live\n")).OnListener(Listener.Management);
        app.MapGet("/readyz", context =>
        {
            if (readiness.Obstacle is not null)
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return context.Response.WriteAsync($"{readiness.Obstacle ?? "ready"}\n");
        }).OnListener(Listener.Management);
        var options = app.Services.GetRequiredService<GradientsServerOptions>();
        var time = app.Services.GetRequiredService<TimeProvider>();
        if (options.Telemetry.Prometheus == true)
            app.MapGradientsMetrics().OnListener(Listener.Management);
        app.MapPost("/drain", context => DrainAsync(context, drain, options, time)).OnListener(Listener.Management);
    }

    /// <summary>
    /// Answers once the work in flight is over or its time is, so that a hook which runs before SIGTERM waits for it. The
    /// process goes on and refuses new work; there is no way back. Taken from this machine alone, and not from web pages.
    /// </summary>
    private static async Task DrainAsync(HttpContext context, Drain drain, GradientsServerOptions options, TimeProvider time)
    {
        if (context.Connection.RemoteIpAddress is not { } remote || !IPAddress.IsLoopback(remote) || context.Request.Headers.Origin.Count > 0)
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        // Whoever asked may go away; draining does not end with it.
        await drain.RunAsync(options.DrainTimeout, time, CancellationToken.None).WaitAsync(context.RequestAborted);
        await context.Response.WriteAsync("drained\n", context.RequestAborted);
    }
}
