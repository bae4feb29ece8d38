using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Testing;
using Microsoft.AspNetCore.Builder;

namespace Gradients.Server.Tests.Door;

/// <summary>A server that knows API keys and an issuer, whose files are in a folder of its own and whose clock is the test's.</summary>
internal sealed class GuardedServer : IAsyncDisposable
{
    /// <summary>No message of any rpc: who reads it says so.</summary>
    private static readonly byte[] Garbage = BareRequests.Frame([0xff]);

    private readonly HttpClient _http = new();
    private readonly TemporaryFolder _folder;

    private GuardedServer(TemporaryFolder folder, Issuer issuer, ManualTime time, TestServer server)
    {
        (_folder, Issuer, Time, Server) = (folder, issuer, time, server);
    }

    public const string Secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    public const string OtherSecret = "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    public Issuer Issuer { get; }

    public ManualTime Time { get; }

    public TestServer Server { get; }

    public string KeysFile => _folder["keys.json"];

    public string KeySetFile => _folder["jwks.json"];

    public static string Key(string id, string secret = Secret) => $"gk_{id}_{secret}";

    /// <summary>An entry as the documentation writes it.</summary>
    public static string Entry(string id, string tenant = "acme", string more = "") =>
        $$"""{"id":"{{id}}","tenant":"{{tenant}}","name":"of {{id}}","sha256":"{{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Key(id))))}}"{{more}}}""";

    public static string Keys(params string[] entries) => $$"""{"keys":[{{string.Join(',', entries)}}]}""";

    public static async Task<GuardedServer> StartAsync(Action<AuthenticationOptions>? change = null, Action<WebApplicationBuilder>? configure = null, bool web = false)
    {
        var folder = new TemporaryFolder();
        var issuer = new Issuer();
        var time = new ManualTime();
        await File.WriteAllTextAsync(folder["keys.json"], Keys(
            Entry("good"),
            Entry("old", more: ""","expires":"2025-12-31T23:59:59Z" """),
            Entry("brief", more: ""","expires":"2026-01-01T01:00:00+00:00" """),
            Entry("off", more: ""","disabled":true""")));
        await File.WriteAllTextAsync(folder["jwks.json"], issuer.KeySet());
        var options = new GradientsServerOptions
        {
            Authentication = new AuthenticationOptions
            {
                ApiKeysFile = folder["keys.json"],
                Jwt = new JwtOptions { Issuer = Issuer.Name, Audience = Issuer.Audience, JwksFile = folder["jwks.json"] },
            },
        };
        options.Web.Port = web ? 0 : null;
        change?.Invoke(options.Authentication);
        return new GuardedServer(folder, issuer, time, await TestServer.StartAsync(options, time, configure: configure));
    }

    public Dictionary<string, object> Claims(string? name = null, object? value = null)
    {
        var claims = Issuer.Claims(Time.GetUtcNow());
        if (name is not null && value is null)
            claims.Remove(name);
        else if (name is not null)
            claims[name] = value!;
        return claims;
    }

    /// <summary>The status and reason by which a request with these headers is answered; OK where the answer begins with a message.</summary>
    public async Task<(int Code, string Reason, string Message)> CallAsync(string path, params string[] authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Server.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Garbage),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        foreach (var value in authorization)
            request.Headers.TryAddWithoutValidation("authorization", value);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        if (!response.Headers.Contains("grpc-status"))
            return (0, "", "");
        var details = response.Headers.GetValues("grpc-status-details-bin").Single();
        var status = Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')));
        Assert.Equal(response.Headers.GetValues("grpc-status").Single(), status.Code.ToString());
        return (status.Code, status.GetDetail<ErrorInfo>().Reason, status.Message);
    }

    /// <summary>The status code of a call with one credential.</summary>
    public async Task<int> CodeAsync(string credential) => (await CallAsync("/gradients.v1.ServerService/GetServerInfo", $"Bearer {credential}")).Code;

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Server.DisposeAsync();
        Issuer.Dispose();
        _folder.Dispose();
    }
}
