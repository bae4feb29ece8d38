using System.Text.Json.Nodes;
using Gradients.Integration.Tests.Clients;
using Gradients.Integration.Tests.Proofs;
using Grpc.Net.Client;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>The vectors of tests/conformance, run by three languages.</summary>
public sealed class ConformanceTests
{
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
        List<string> differences = [];
        foreach (var one in cases)
            differences.AddRange((await new CaseRun(channel).RunAsync(one!["steps"]!.AsArray(), Cancellation)).Select(d => $"{one["name"]}: {d}"));
        Assert.Empty(differences);
        await server.EmptyAsync();
    }

    [Fact]
    public Task Python() => PassesAsync(Toolchains.Python, "samples/python/generate.sh && /usr/bin/python3 tests/conformance/run.py");

    [Fact]
    public Task Node() => PassesAsync(Toolchains.Node, "node tests/conformance/run.mjs");

    /// <summary>What is expected is what the exact arithmetic of the generator gives.</summary>
    [Fact]
    public Task The_vectors_are_as_generated() => ForeignProgram.RunAsync("command -v python3", "python3 tests/conformance/generate.py --check", Cancellation);

    private static async Task PassesAsync(string probe, string command)
    {
        await using var server = await ProofServer.StartAsync();
        Assert.Contains(" cases, 0 failed", await ForeignProgram.RunAsync(probe, $"{command} {server.Address.Authority}", Cancellation), StringComparison.Ordinal);
        await server.EmptyAsync();
    }
}
