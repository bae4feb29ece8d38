using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Testing;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Gradients.Client.Tests;

/// <summary>Against servers that ask who is there.</summary>
public sealed class CredentialTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gradients-credentials-").FullName;
    private readonly Authority _authority = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_API_key_goes_with_every_request()
    {
        var key = NewApiKey.Create("acme", "test");
        await using var app = await StartAsync(new GradientsServerOptions { Authentication = Keys(key) });
        await using var client = new GradientsClient(GradientsServer.Address(app).ToString(), new GradientsClientOptions { ApiKey = key.Text });
        await using var session = await client.CreateSessionAsync(new SessionOptions { InlineLimitBytes = 64 }, Cancellation);
        var x = session.Variable("x", Tensor.Create(new double[100], [100]));
        Assert.Equal(new double[100], (await session.BackwardAsync((x * x).Sum(), cancellationToken: Cancellation))[x].ToArray<double>());
        await app.StopAsync(Cancellation);
    }

    [Fact]
    public async Task A_wrong_or_missing_credential_is_said_so()
    {
        await using var app = await StartAsync(new GradientsServerOptions { Authentication = Keys(NewApiKey.Create("acme", "test")) });
        foreach (var (options, message) in new[]
        {
            (new GradientsClientOptions(), "missing"),
            (new GradientsClientOptions { ApiKey = NewApiKey.Create("acme", "other").Text }, "not valid"),
        })
        {
            await using var client = new GradientsClient(GradientsServer.Address(app).ToString(), options);
            var e = await Assert.ThrowsAsync<GradientsClientException>(() => client.CreateSessionAsync(cancellationToken: Cancellation));
            Assert.Equal((StatusCode.Unauthenticated, "UNAUTHENTICATED", false), (e.Code, e.Reason, e.IsLocal));
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
        }

        await app.StopAsync(Cancellation);
    }

    [Fact]
    public async Task A_token_is_asked_for_with_each_request()
    {
        var key = NewApiKey.Create("acme", "test");
        await using var app = await StartAsync(new GradientsServerOptions { Authentication = Keys(key) });
        var tokens = new Queue<string>(["stale", key.Text]);
        await using var client = new GradientsClient(GradientsServer.Address(app).ToString(), new GradientsClientOptions { TokenProvider = _ => ValueTask.FromResult(tokens.Dequeue()) });
        var e = await Assert.ThrowsAsync<GradientsClientException>(() => client.GetServerInfoAsync(Cancellation));
        Assert.Equal(StatusCode.Unauthenticated, e.Code);
        await client.GetServerInfoAsync(Cancellation);
        await app.StopAsync(Cancellation);
    }

    [Fact]
    public async Task The_server_must_lead_to_the_given_root_and_gets_the_clients_certificate()
    {
        var server = _authority.Issue(Authority.ServerAuthentication);
        var own = _authority.Issue(Authority.ClientAuthentication, isRsa: true);
        using var others = new Authority();
        var tls = new TlsOptions
        {
            CertificateFile = Write("tls.crt", server.CertificatePem),
            KeyFile = Write("tls.key", server.KeyPem),
            ClientCertificates = ClientCertificatePolicy.Require,
            ClientCaFile = Write("ca.crt", _authority.RootPem),
        };
        var key = NewApiKey.Create("acme", "test");
        await using var app = await StartAsync(new GradientsServerOptions { Tls = tls, Authentication = Keys(key) });
        var right = new GradientsClientOptions
        {
            ApiKey = key.Text,
            ServerCaFile = tls.ClientCaFile,
            ClientCertificateFile = Write("client.crt", own.CertificatePem),
            ClientKeyFile = Write("client.key", own.KeyPem),
        };
        await using (var client = new GradientsClient(GradientsServer.Address(app).ToString(), right))
            await client.GetServerInfoAsync(Cancellation);
        foreach (var (wrong, message) in new[]
        {
            (right with { ServerCaFile = null }, "certificate"),
            (right with { ServerCaFile = Write("others.crt", others.RootPem) }, "certificate"),
            (right with { ClientCertificateFile = null, ClientKeyFile = null }, ""),
        })
        {
            await using var client = new GradientsClient(GradientsServer.Address(app).ToString(), wrong);
            var e = await Assert.ThrowsAsync<GradientsClientException>(() => client.GetServerInfoAsync(Cancellation));
            Assert.True(e.Code is StatusCode.Unavailable or StatusCode.Internal, e.Message);
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
        }

        await app.StopAsync(Cancellation);
    }

    [Fact]
    public async Task Credentials_do_not_leave_the_machine_in_plaintext_unless_allowed()
    {
        var options = new GradientsClientOptions { ApiKey = "gk_a_b" };
        var e = Assert.Throws<ArgumentException>(() => new GradientsClient("http://gradients.test:50051", options));
        Assert.Contains("without TLS", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("gk_a_b", e.Message, StringComparison.Ordinal);
        await new GradientsClient("http://gradients.test:50051", options with { AllowPlaintextCredentials = true }).DisposeAsync();
        await new GradientsClient("http://localhost:50051", options).DisposeAsync();
        await new GradientsClient("http://[::1]:50051", options).DisposeAsync();
        await new GradientsClient("https://gradients.test:50051", options).DisposeAsync();
        Assert.DoesNotContain("gk_a_b", options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_do_not_go_together_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new GradientsClient("http://localhost:1", new GradientsClientOptions { ApiKey = "a", TokenProvider = _ => ValueTask.FromResult("b") }));
        Assert.Throws<ArgumentException>(() => new GradientsClient("http://localhost:1", new GradientsClientOptions { ApiKey = "gk_a_b\n" }));
        Assert.Throws<ArgumentException>(() => new GradientsClient("http://localhost:1", new GradientsClientOptions { ServerCaFile = "ca.crt" }));
        Assert.Throws<ArgumentException>(() => new GradientsClient("https://localhost:1", new GradientsClientOptions { ClientKeyFile = "tls.key" }));
        Assert.Throws<FileNotFoundException>(() => new GradientsClient("https://localhost:1", new GradientsClientOptions { ServerCaFile = Path.Combine(_folder, "none") }));
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<WebApplication> StartAsync(GradientsServerOptions options)
    {
        options.ComputeThreads = 1;
        var app = GradientsServer.Build(options, configure: b => b.Logging.ClearProviders());
        await app.StartAsync(Cancellation);
        return app;
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private AuthenticationOptions Keys(NewApiKey key) =>
        new() { ApiKeysFile = Write("keys.json", new JsonObject { ["keys"] = new JsonArray(JsonNode.Parse(key.Entry)) }.ToJsonString()) };
}
