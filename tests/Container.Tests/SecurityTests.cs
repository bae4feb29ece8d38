using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gradients.Client;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Gradients.Container.Tests;

/// <summary>Certificates and keys that are mounted, as an orchestrator mounts secrets.</summary>
public sealed class SecurityTests(ServerImage image)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TLS_with_a_mounted_certificate_and_an_API_key_while_the_probe_still_answers()
    {
        using var certificates = Certificates.Create();
        var key = $"gk_container_{Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_')}";
        var file = new { keys = new[] { new { id = "container", tenant = "tests", name = "container tests", sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))) } } };
        await File.WriteAllTextAsync(Path.Combine(certificates.Folder, "keys.json"), JsonSerializer.Serialize(file), Cancellation);
        var settings = new ServerContainer.Settings
        {
            Environment = new Dictionary<string, string>
            {
                ["GRADIENTS__ALLOWPLAINTEXT"] = "false",
                ["GRADIENTS__TLS__CERTIFICATEFILE"] = "/secrets/tls.crt",
                ["GRADIENTS__TLS__KEYFILE"] = "/secrets/tls.key",
                ["GRADIENTS__AUTHENTICATION__APIKEYSFILE"] = "/secrets/keys.json",
            },
            Secrets = certificates.Folder,
        };

        // Healthy by the image's own probe, which has neither certificate nor key.
        await using var server = await ServerContainer.StartAsync(image, settings, Cancellation);
        using var channel = GrpcChannel.ForAddress(server.SecureAddress, new GrpcChannelOptions { HttpHandler = certificates.Handler(), DisposeHttpClient = true });

        await using var stranger = new GradientsClient(channel);
        var refusal = await Assert.ThrowsAsync<GradientsClientException>(() => stranger.GetServerInfoAsync(Cancellation));
        Assert.Equal(StatusCode.Unauthenticated, refusal.Code);

        var graph = new Graph();
        var x = graph.Variable("x", 3.0);
        await using var client = new GradientsClient(new WithKey(channel, key));
        var result = await client.EvaluateAsync(graph, roots: [new Root(x * x)], wrt: [x], cancellationToken: Cancellation);
        Assert.Equal(6, result[x]!.ToDouble());
    }

    [Fact]
    public async Task Without_TLS_it_does_not_start_unless_that_is_said()
    {
        var settings = new ServerContainer.Settings { Environment = new Dictionary<string, string> { ["GRADIENTS__ALLOWPLAINTEXT"] = "" } };
        var (exitCode, error) = await ServerContainer.RunAsync(image, settings, ["serve"], Cancellation);
        Assert.Equal(2, exitCode);
        Assert.Contains("AllowPlaintext", error, StringComparison.Ordinal);
    }

    private sealed class WithKey(GrpcChannel channel, string key) : ChannelBase(channel.Target)
    {
        public override CallInvoker CreateCallInvoker() => channel.Intercept(metadata =>
        {
            metadata.Add("authorization", $"Bearer {key}");
            return metadata;
        });
    }
}
