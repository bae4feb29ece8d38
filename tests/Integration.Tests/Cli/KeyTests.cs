using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gradients.Client;

namespace Gradients.Integration.Tests.Cli;

/// <summary><c>gradients key</c>, and <c>gradients serve</c> with its key.</summary>
public sealed partial class KeyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gradients-key-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_is_printed_with_its_entry_and_opens_a_server_that_has_the_entry()
    {
        var (key, entry) = await MakeAsync("--tenant", "acme", "--name", "build server", "--expires", "2999-12-31");
        Assert.Matches(KeyPattern(), key);
        using var json = JsonDocument.Parse(entry);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(key))), json.RootElement.GetProperty("sha256").GetString());
        Assert.Equal(("acme", "build server"), (json.RootElement.GetProperty("tenant").GetString(), json.RootElement.GetProperty("name").GetString()));
        Assert.Equal(new DateTimeOffset(2999, 12, 31, 0, 0, 0, TimeSpan.Zero), json.RootElement.GetProperty("expires").GetDateTimeOffset());
        Assert.DoesNotContain(key[^43..], entry, StringComparison.Ordinal);

        var file = Path.Combine(_folder, "keys.json");
        await File.WriteAllTextAsync(file, $$"""{"keys":[{{entry}}]}""", Cancellation);
        await using var serve = CliProcess.Start(new Dictionary<string, string> { ["GRADIENTS__AUTHENTICATION__APIKEYSFILE"] = file }, "serve", "--port", "0", "--threads", "1", "--memory", "64MB");
        var line = await serve.Output.ReadLineAsync(Cancellation);
        var address = line!.Split(' ')[^1];
        await using (var client = new GradientsClient(address, new GradientsClientOptions { ApiKey = key }))
            await client.GetServerInfoAsync(Cancellation);
        await using (var stranger = new GradientsClient(address))
            Assert.Equal("UNAUTHENTICATED", (await Assert.ThrowsAsync<GradientsClientException>(() => stranger.GetServerInfoAsync(Cancellation))).Reason);
        await serve.TerminateAsync();
        Assert.Equal(0, await serve.ExitCodeAsync(Cancellation));
    }

    [Fact]
    public async Task Keys_differ() =>
        Assert.NotEqual((await MakeAsync("--tenant", "a", "--name", "n")).Key, (await MakeAsync("--tenant", "a", "--name", "n")).Key);

    [Theory]
    [InlineData("key")]
    [InlineData("key", "--tenant", "acme")]
    [InlineData("key", "--tenant", "Acme", "--name", "n")]
    [InlineData("key", "--tenant", "acme", "--name", "n", "--expires", "soon")]
    [InlineData("key", "--tenant", "acme", "--name", "n", "--expires", "2020-01-01")]
    [InlineData("serve", "--management-port", "65535")]
    [InlineData("serve", "--host", "0.0.0.0")]
    public async Task What_cannot_be_done_exits_with_2_and_says_why(params string[] arguments)
    {
        await using var cli = CliProcess.Start(arguments);
        var error = cli.Error.ReadToEndAsync(Cancellation);
        await cli.Output.ReadToEndAsync(Cancellation);
        Assert.NotEqual("", await error);
        Assert.Equal(2, await cli.ExitCodeAsync(Cancellation));
    }

    [Fact]
    public async Task Serve_answers_operators_on_the_management_port()
    {
        await using var serve = CliProcess.Start(new Dictionary<string, string> { ["Logging__LogLevel__Default"] = "Information" }, "serve", "--port", "0", "--management-port", "0", "--threads", "1", "--memory", "64MB");
        Assert.NotNull(await serve.Output.ReadLineAsync(Cancellation));
        Match match;
        do
            match = AddressPattern().Match(await serve.Error.ReadLineAsync(Cancellation) ?? throw new EndOfStreamException());
        while (!match.Success);
        using var http = new HttpClient();
        Assert.Equal("ready\n", await http.GetStringAsync(new Uri(match.Value + "readyz"), Cancellation));
        await serve.TerminateAsync();
        Assert.Equal(0, await serve.ExitCodeAsync(Cancellation));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex("^gk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$")]
    private static partial Regex KeyPattern();

    [GeneratedRegex("(?<=management listener is at )http://127.0.0.1:[0-9]+/")]
    private static partial Regex AddressPattern();

    private static async Task<(string Key, string Entry)> MakeAsync(params string[] arguments)
    {
        await using var cli = CliProcess.Start(["key", .. arguments]);
        var lines = (await cli.Output.ReadToEndAsync(Cancellation)).Split('\n');
        Assert.Equal(0, await cli.ExitCodeAsync(Cancellation));
        Assert.Equal(3, lines.Length);
        return (lines[0], lines[1]);
    }
}
