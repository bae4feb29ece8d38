using Gradients.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gradients.Client.Tests;

/// <summary>A server on a free loopback port, and a client of it.</summary>
public sealed class TestServer : IAsyncLifetime
{
    private WebApplication? _app;

    public Uri Address => GradientsServer.Address(_app!);

    public GradientsClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _app = GradientsServer.Build(new GradientsServerOptions { ComputeThreads = 2, PoisonReturnedMemory = true }, configure: b => b.Logging.ClearProviders());
        await _app.StartAsync();
        Client = new GradientsClient(Address.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await _app!.StopAsync();
        await _app.DisposeAsync();
    }
}
