using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gradients.Testing;

/// <summary>A collector that keeps what is posted to it by OTLP over HTTP (http/protobuf), on a free port.</summary>
public sealed class OtlpSink : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<(string Signal, byte[] Body)> _received = [];

    private OtlpSink(WebApplication app) => _app = app;

    /// <summary>The value of OTEL_EXPORTER_OTLP_ENDPOINT when the sender is on this machine.</summary>
    public Uri Endpoint { get; private set; } = null!;

    public int Port => Endpoint.Port;

    /// <param name="address">Where to listen; default loopback. Containers need an address that they reach.</param>
    public static async Task<OtlpSink> StartAsync(IPAddress? address = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(address ?? IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var sink = new OtlpSink(app);
        app.Run(sink.ReceiveAsync);
        await app.StartAsync();
        var port = new Uri(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single()).Port;
        sink.Endpoint = new Uri($"http://127.0.0.1:{port}");
        return sink;
    }

    /// <summary>How many posts of a signal came.</summary>
    /// <param name="signal"><c>traces</c>, <c>metrics</c> or <c>logs</c>.</param>
    public int Count(string signal) => _received.Count(r => r.Signal == signal);

    /// <summary>Whether a post of the signal contains the text; names and values are UTF-8 in protobuf.</summary>
    public bool Contains(string signal, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return _received.Any(r => r.Signal == signal && r.Body.AsSpan().IndexOf(bytes) >= 0);
    }

    /// <summary>Whether a post of the signal contains the bytes, such as a trace id.</summary>
    public bool Contains(string signal, byte[] bytes) => _received.Any(r => r.Signal == signal && r.Body.AsSpan().IndexOf(bytes) >= 0);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        const string Prefix = "/v1/";
        var path = context.Request.Path.Value ?? "";
        if (context.Request.Method != HttpMethods.Post || !path.StartsWith(Prefix, StringComparison.Ordinal))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        _received.Enqueue((path[Prefix.Length..], body.ToArray()));

        // An empty message of the protocol's response types: everything was taken.
        context.Response.ContentType = "application/x-protobuf";
    }
}
