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

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Files => [.. Directory.GetFiles(ForeignProgram.PathOf("tests/conformance"), "*.json").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task DotNet(string file)
    {
        await using var server = await ProofServer.StartAsync();
        using var channel = GrpcChannel.ForAddress(server.Address);
        var document = JsonNode.Parse(await File.ReadAllTextAsync(ForeignProgram.PathOf("tests/conformance/" + file), Cancellation))!;
        var features = (await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest())).Features;
        Assert.SkipUnless(document["feature"] is not { } needed || features.Contains((string)needed!), $"The server has no {document["feature"]}.");
        var cases = document["cases"]!.AsArray();
        Assert.NotEmpty(cases);
        Assert.Empty(await FailedAsync(channel, cases));
        await server.EmptyAsync();
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
        Assert.Equal(cases.Select(c => (string)c!["name"]!), (await FailedAsync(channel, cases)).Select(f => f.Name));
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

    private static async Task<JsonArray> CasesAsync(string file) =>
        JsonNode.Parse(await File.ReadAllTextAsync(ForeignProgram.PathOf(file), Cancellation))!["cases"]!.AsArray();

    private static async Task<List<(string Name, List<string> Differences)>> FailedAsync(GrpcChannel channel, JsonArray cases)
    {
        List<(string, List<string>)> failed = [];
        foreach (var one in cases)
        {
            if (await new CaseRun(channel).RunAsync(one!["steps"]!.AsArray(), Cancellation) is { Count: > 0 } differences)
                failed.Add(((string)one["name"]!, differences));
        }

        return failed;
    }
}
