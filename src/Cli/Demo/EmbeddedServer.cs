using Gradients.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Gradients.Cli.Demo;

/// <summary>A server of this process on a free loopback port. Disposing stops it.</summary>
internal sealed class EmbeddedServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EmbeddedServer(WebApplication app) => _app = app;

    public Uri Address => GradientsServer.Address(_app);

    /// <summary>Raised by Ctrl-C and SIGTERM, which the server takes.</summary>
    public CancellationToken Stopping => _app.Lifetime.ApplicationStopping;

    public static async Task<EmbeddedServer> StartAsync(CancellationToken cancellation)
    {
        var app = GradientsServer.Build(
            new GradientsServerOptions(),
            ["--Gradients:Address=127.0.0.1", "--Gradients:Port=0"],
            builder => builder.Logging.ClearProviders());
        await app.StartAsync(cancellation);
        return new EmbeddedServer(app);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
