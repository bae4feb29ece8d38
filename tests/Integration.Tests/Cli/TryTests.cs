using System.Text.Json;
using System.Text.RegularExpressions;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Gradients.Integration.Tests.Cli;

/// <summary><c>gradients try</c> against a server of this process.</summary>
public sealed class TryTests : IAsyncLifetime
{
    private const string Template = "http://localhost:16686/trace/{trace_id}";

    private readonly WebApplication _server = GradientsServer.Build(new GradientsServerOptions { MemoryBudgetBytes = 64 << 20, ComputeThreads = 1 }, configure: b => b.Logging.ClearProviders());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Address => GradientsServer.Address(_server).GetLeftPart(UriPartial.Authority);

    public async ValueTask InitializeAsync() => await _server.StartAsync(Cancellation);

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task It_prints_value_gradient_and_the_link_of_the_trace()
    {
        await using var cli = CliProcess.Start("try", "--server", Address, "--trace-url", Template);
        var lines = (await cli.Output.ReadToEndAsync(Cancellation)).TrimEnd().Split('\n');
        Assert.Equal(0, await cli.ExitCodeAsync(Cancellation));
        Assert.Equal(3, lines.Length);
        Assert.Equal("f(x) = x³ − 2x at x = 3: f = 21, f′ = 25", lines[0]);
        Assert.Matches("^trace [0-9a-f]{32}$", lines[1]);
        Assert.Equal($"http://localhost:16686/trace/{lines[1]["trace ".Length..]}", lines[2]);
    }

    [Fact]
    public async Task Json_is_one_object_and_settings_come_from_the_environment()
    {
        var settings = new Dictionary<string, string> { ["GRADIENTS_SERVER"] = Address, ["GRADIENTS_TRACE_URL"] = "http://localhost:16686/trace/" };
        await using var cli = CliProcess.Start(settings, "try", "--json");
        using var document = JsonDocument.Parse(await cli.Output.ReadToEndAsync(Cancellation));
        Assert.Equal(0, await cli.ExitCodeAsync(Cancellation));
        var root = document.RootElement;
        Assert.Equal(Address, root.GetProperty("server").GetString());
        Assert.Equal(21, root.GetProperty("value").GetDouble());
        Assert.Equal(25, root.GetProperty("gradient").GetDouble());
        var trace = root.GetProperty("trace_id").GetString()!;
        Assert.Matches(new Regex("^[0-9a-f]{32}$"), trace);
        Assert.Equal($"http://localhost:16686/trace/{trace}", root.GetProperty("trace_url").GetString());
    }

    [Fact]
    public async Task A_key_and_a_root_open_a_server_that_asks_for_them()
    {
        using var authority = new Authority();
        using var folder = new TemporaryFolder();
        var certificate = authority.Issue(Authority.ServerAuthentication);
        await File.WriteAllTextAsync(folder["ca.pem"], authority.RootPem, Cancellation);
        await File.WriteAllTextAsync(folder["tls.crt"], certificate.CertificatePem, Cancellation);
        await File.WriteAllTextAsync(folder["tls.key"], certificate.KeyPem, Cancellation);
        await using var making = CliProcess.Start("key", "--tenant", "acme", "--name", "try");
        var lines = (await making.Output.ReadToEndAsync(Cancellation)).Split('\n');
        await File.WriteAllTextAsync(folder["keys.json"], $$"""{"keys":[{{lines[1]}}]}""", Cancellation);
        var options = new GradientsServerOptions { MemoryBudgetBytes = 64 << 20, ComputeThreads = 1 };
        options.Tls.CertificateFile = folder["tls.crt"];
        options.Tls.KeyFile = folder["tls.key"];
        options.Authentication.ApiKeysFile = folder["keys.json"];
        await using var server = GradientsServer.Build(options, configure: b => b.Logging.ClearProviders());
        await server.StartAsync(Cancellation);
        var address = GradientsServer.Address(server).GetLeftPart(UriPartial.Authority);

        Assert.Equal(0, await ExitAsync("--api-key", lines[0], "--ca", folder["ca.pem"]));
        Assert.Equal(1, await ExitAsync("--ca", folder["ca.pem"]));
        Assert.Equal(1, await ExitAsync("--api-key", lines[0]));
        Assert.Equal(2, await ExitAsync("--api-key", lines[0], "--ca", folder["missing.pem"]));

        async Task<int> ExitAsync(params string[] more)
        {
            await using var cli = CliProcess.Start(["try", "--server", address, .. more]);
            await cli.Output.ReadToEndAsync(Cancellation);
            return await cli.ExitCodeAsync(Cancellation);
        }
    }

    [Fact]
    public async Task A_server_that_is_gone_exits_with_1_and_one_line()
    {
        var address = Address;
        await _server.StopAsync(Cancellation);
        await using var cli = CliProcess.Start("try", "--server", address);
        var error = await cli.Error.ReadToEndAsync(Cancellation);
        Assert.Equal(1, await cli.ExitCodeAsync(Cancellation));
        Assert.StartsWith($"gradients try: {address}: Unavailable", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}
