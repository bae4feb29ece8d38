using System.Text.Json.Nodes;
using Gradients.Integration.Tests.Clients;
using Gradients.Integration.Tests.Proofs;
using Grpc.Net.Client;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>The vectors of tests/conformance, run by three languages.</summary>
[Collection(nameof(Alone))]
public sealed class ConformanceTests
{
    private const string PythonRunner = "samples/python/generate.sh && /usr/bin/python3 tests/conformance/run.py";
    private const string NodeRunner = "node tests/conformance/run.mjs";
    private const string Wrong = "tests/conformance/wrong/wrong.json";

    /// <summary>How many cases stream from the client, which JSON does not.</summary>
    private static readonly Dictionary<string, int> LeftOut = new() { ["callouts.json"] = 1, ["errors.json"] = 4, ["sessions.json"] = 3, ["streams.json"] = 2 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Files => [.. Directory.GetFiles(ForeignProgram.PathOf("tests/conformance"), "*.json").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task DotNet(string file)
    {
        await using var server = await ProofServer.StartAsync();
        using var channel = GrpcChannel.ForAddress(server.Address);
        var cases = await CasesAsync(channel, file);
        Assert.Empty(await FailedAsync(new NamedCall(channel), cases));
        await server.EmptyAsync();
    }

    /// <summary>The same over HTTP, except what streams from the client: these cases are counted.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public async Task Json(string file)
    {
        await using var server = await ProofServer.StartAsync(configure: options => options.Web.Port = 0);
        using var channel = GrpcChannel.ForAddress(server.Address);
        using var http = new HttpClient { BaseAddress = server.WebAddress };
        var calls = new JsonCalls(http);
        var all = await CasesAsync(channel, file);
        var obstacles = all.Select(c => (Case: c!, Obstacle: new CaseRun(calls).Obstacle(c!["steps"]!.AsArray()))).ToList();
        foreach (var (one, obstacle) in obstacles.Where(o => o.Obstacle is not null))
            TestContext.Current.SendDiagnosticMessage($"{file}: '{one["name"]}' is left out: {obstacle}");
        JsonArray sent = [.. obstacles.Where(o => o.Obstacle is null).Select(o => o.Case.DeepClone())];
        Assert.Equal(LeftOut.GetValueOrDefault(file), all.Count - sent.Count);
        Assert.Empty(await FailedAsync(calls, sent));
        await server.EmptyAsync();
    }

    [Fact]
    public async Task Json_reports_every_wrong_expectation()
    {
        await using var server = await ProofServer.StartAsync(configure: options => options.Web.Port = 0);
        using var http = new HttpClient { BaseAddress = server.WebAddress };
        var calls = new JsonCalls(http);
        JsonArray cases = [.. (await CasesAsync(Wrong)).Where(c => new CaseRun(calls).Obstacle(c!["steps"]!.AsArray()) is null).Select(c => c!.DeepClone())];
        Assert.NotEmpty(cases);
        Assert.Equal(cases.Select(c => (string)c!["name"]!), (await FailedAsync(calls, cases)).Select(f => f.Name));
    }

    [Fact]
    public Task Python() => PassesAsync(Toolchains.Python, PythonRunner);

    [Fact]
    public Task Node() => PassesAsync(Toolchains.Node, NodeRunner);

    /// <summary>What is expected is what the exact arithmetic of the generator gives.</summary>
    [Fact]
    public Task The_vectors_are_as_generated() => ForeignProgram.RunAsync("command -v python3", "python3 tests/conformance/generate.py --check", Cancellation);

    [Fact]
    public async Task DotNet_reports_every_wrong_expectation()
    {
        await using var server = await ProofServer.StartAsync();
        using var channel = GrpcChannel.ForAddress(server.Address);
        var cases = await CasesAsync(Wrong);
        Assert.Equal(cases.Select(c => (string)c!["name"]!), (await FailedAsync(new NamedCall(channel), cases)).Select(f => f.Name));
    }

    [Theory]
    [InlineData(Toolchains.Python, PythonRunner)]
    [InlineData(Toolchains.Node, NodeRunner)]
    public async Task A_runner_reports_every_wrong_expectation(string probe, string runner)
    {
        await using var server = await ProofServer.StartAsync();
        var count = (await CasesAsync(Wrong)).Count;
        var output = await ForeignProgram.RunAsync(probe, $"{runner} {server.Address.Authority} {Wrong} | tail -n 1", Cancellation);
        Assert.Equal($"{count} cases, {count} failed", output.Trim());
    }

    private static async Task PassesAsync(string probe, string runner)
    {
        await using var server = await ProofServer.StartAsync();
        Assert.Contains(" cases, 0 failed", await ForeignProgram.RunAsync(probe, $"{runner} {server.Address.Authority}", Cancellation), StringComparison.Ordinal);
        await server.EmptyAsync();
    }

    /// <summary>The cases of a file; skips where the server lacks their feature.</summary>
    private static async Task<JsonArray> CasesAsync(GrpcChannel channel, string file)
    {
        var document = JsonNode.Parse(await File.ReadAllTextAsync(ForeignProgram.PathOf("tests/conformance/" + file), Cancellation))!;
        var features = (await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest())).Features;
        Assert.SkipUnless(document["feature"] is not { } needed || features.Contains((string)needed!), $"The server has no {document["feature"]}.");
        var cases = document["cases"]!.AsArray();
        Assert.NotEmpty(cases);
        return cases;
    }

    private static async Task<JsonArray> CasesAsync(string file) =>
        JsonNode.Parse(await File.ReadAllTextAsync(ForeignProgram.PathOf(file), Cancellation))!["cases"]!.AsArray();

    private static async Task<List<(string Name, List<string> Differences)>> FailedAsync(ICalls calls, JsonArray cases)
    {
        List<(string, List<string>)> failed = [];
        foreach (var one in cases)
        {
            if (await new CaseRun(calls).RunAsync(one!["steps"]!.AsArray(), Cancellation) is { Count: > 0 } differences)
                failed.Add(((string)one["name"]!, differences));
        }

        return failed;
    }
}
