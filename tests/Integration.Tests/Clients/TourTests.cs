using Gradients.Integration.Tests.Cli;
using Gradients.Integration.Tests.Proofs;

namespace Gradients.Integration.Tests.Clients;

/// <summary>The samples print known numbers, each against a server of its own.</summary>
[Collection(nameof(Alone))]
public sealed class TourTests
{
    /// <summary>
    /// The gradients are exact fractions; the descent is a linear recursion; the perceptron's losses are PyTorch's (float64, Adam,
    /// slices of two rows in turn); the energy is a sum of integers.
    /// </summary>
    private static readonly string[] Tour =
    [
        "linear regression: loss 16.666667, dw -17.333333, db -8.000000",
        "after 200 steps: w 3.004427, b 2.989936",
        "perceptron: loss 0.906958, after 100 steps on the server 0.052495",
        "chunked tensor: 16777216 bytes, energy 348976504288.0, gradient equal",
        "custom gradient: 0 1 1, built-in 0 0 1",
        "error: SHAPE_MISMATCH, op Add, shapes float64[2], float64[3]",
        "error: INVALID_FIELD, fields learning_rate",
    ];

    private static readonly string[] Callouts = ["call-out: values 0.5 5.25, gradient 1 5"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task Python() => PrintsAsync("python", Toolchains.Python, [.. Tour, .. Callouts]);

    [Fact]
    public Task Node() => PrintsAsync("node", Toolchains.Node, Tour);

    [Fact]
    public Task Go() => PrintsAsync("go", Toolchains.Go, [.. Tour, .. Callouts]);

    [Fact]
    public Task Cpp() => PrintsAsync("cpp", Toolchains.Cpp, Tour);

    [Fact]
    public Task Ruby() => PrintsAsync("ruby", Toolchains.Ruby, Tour);

    /// <summary>Over JSON, of the server as a process.</summary>
    [Fact]
    public async Task R()
    {
        await using var serve = CliProcess.Start("serve", "--port", "0", "--web-port", "0");
        const string Told = "gRPC-Web and JSON are on http://";
        string? line;
        do
            line = await serve.Output.ReadLineAsync(Cancellation);
        while (line?.StartsWith(Told, StringComparison.Ordinal) == false);
        Assert.True(line is not null, "The server tells no web port.");
        Assert.Equal(Tour, Lines(await ForeignProgram.RunAsync(Toolchains.R, $"samples/r/run.sh {line[Told.Length..]}", Cancellation)));
    }

    [Theory]
    [InlineData("python/gradients_numpy.py")]
    [InlineData("node/gradients.js")]
    public void A_helper_is_thin(string path) => Assert.InRange(File.ReadAllLines(ForeignProgram.PathOf("samples/" + path)).Length, 1, 200);

    private static async Task PrintsAsync(string folder, string probe, string[] lines)
    {
        await using var server = await ProofServer.StartAsync();
        var output = await ForeignProgram.RunAsync(probe, $"samples/{folder}/run.sh {server.Address.Authority}", Cancellation);
        Assert.Equal(lines, Lines(output));
        await server.EmptyAsync();
    }

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
