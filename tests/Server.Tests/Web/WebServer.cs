using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Gradients.Server.Hosting;

namespace Gradients.Server.Tests.Web;

/// <summary>A server with a web listener, and requests to it by HTTP/1.1.</summary>
internal sealed class WebServer : IAsyncDisposable
{
    private readonly HttpClient _http = new();

    private WebServer(TestServer server)
    {
        (Server, Address) = (server, GradientsServer.WebAddress(server.App)!);
    }

    public TestServer Server { get; }

    public Uri Address { get; }

    public static async Task<WebServer> StartAsync(Action<GradientsServerOptions>? change = null, TimeProvider? time = null)
    {
        var options = new GradientsServerOptions();
        options.Web.Port = 0;
        change?.Invoke(options);
        return new WebServer(await TestServer.StartAsync(options, time));
    }

    public Task<WebReply> PostAsync(string path, string json, Action<HttpRequestMessage>? change = null) => PostAsync(path, Encoding.UTF8.GetBytes(json), change);

    public Task<WebReply> PostAsync(string path, byte[] json, Action<HttpRequestMessage>? change = null) => SendAsync(HttpMethod.Post, path, json, change);

    public Task<WebReply> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null, null);

    public async Task<WebReply> SendAsync(HttpMethod method, string path, byte[]? json, Action<HttpRequestMessage>? change)
    {
        using var request = new HttpRequestMessage(method, new Uri(Address, path)) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (json is not null)
        {
            request.Content = new ByteArrayContent(json);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        change?.Invoke(request);
        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        var headers = response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(',', h.Value), StringComparer.OrdinalIgnoreCase);
        return new WebReply(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), headers);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Server.DisposeAsync();
    }
}

internal sealed record WebReply(HttpStatusCode Code, string Text, Dictionary<string, string> Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    /// <summary>Demands success and returns the message.</summary>
    public JsonElement Ok()
    {
        Assert.True(Code == HttpStatusCode.OK, $"{Code}: {Text}");
        Assert.Equal("application/json", Headers["content-type"]);
        return Json;
    }

    /// <summary>Demands a status with this code, its HTTP code and reason, and returns the metadata of its ErrorInfo.</summary>
    public JsonElement Refused(HttpStatusCode http, Grpc.Core.StatusCode code, string reason)
    {
        Assert.True(Code == http, $"{Code}: {Text}");
        Assert.Equal((int)code, Json.GetProperty("code").GetInt32());
        var info = Json.GetProperty("details").EnumerateArray().Single(d => d.GetProperty("@type").GetString()!.EndsWith("google.rpc.ErrorInfo", StringComparison.Ordinal));
        Assert.Equal((reason, "gradients.v1"), (info.GetProperty("reason").GetString(), info.GetProperty("domain").GetString()));
        return info.TryGetProperty("metadata", out var metadata) ? metadata : default;
    }
}
