using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Gradients.Server.Tests.Door;

/// <summary>The address where an issuer publishes its keys.</summary>
internal sealed class KeySetServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _refused;

    private KeySetServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapGet("/keys", () =>
        {
            if (Content is not { } content)
            {
                Interlocked.Increment(ref _refused);
                return Results.StatusCode(503);
            }

            return Results.Text(content);
        });
    }

    /// <summary>What is published; null = the server is unwell.</summary>
    public string? Content { get; set; }

    /// <summary>Downloads that failed.</summary>
    public int Refused => Volatile.Read(ref _refused);

    public Uri Address => new(new Uri(_app.Urls.Single()), "/keys");

    public static async Task<KeySetServer> StartAsync()
    {
        var server = new KeySetServer();
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
