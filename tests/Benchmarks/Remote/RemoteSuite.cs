using System.Globalization;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;
using Gradients.Benchmarks.Telemetry;
using Gradients.Benchmarks.Wire;
using Gradients.Testing;

namespace Gradients.Benchmarks.Remote;

/// <summary>Steps by a server in a process of its own.</summary>
internal sealed class RemoteSuite : ISuite
{
    private const int Formulas = 6000;

    public string Name => "remote";

    public string Summary => "Steps by a server in a process of its own, on the same cores, one compute thread. The raw socket's row is what two processes need to wake each other, gRPC echo what a stream of Grpc.AspNetCore takes that returns as many bytes and does nothing else. 10-5-1: Backward with loss and gradients on one Interact stream, the time from a message to its last result with so many messages in flight; pipelined: the time of a step with 512 in flight; its echo's messages are as large, beside the SDK as those of one step. 784-512-256-10: 401 KB of features fed with each step; accumulated: gradients stay at the server and the reply is loss and norms; returned: it has 2.1 MB of gradients. With some in flight, as a client that accumulates sends them, features travel while the step before is computed: its row is the time of a step by their rate, on which the targets are judged. The others are latencies, one step after the other. Plain gRPC: as many features to a service that keeps them and computes nothing, and where gradients are returned a second call that brings as many bytes. libtorch runs in the benchmark's process. Black-Scholes: Evaluate with five sensitivities, 500 requests a second at fixed times. Python server: unary gRPC around PyTorch.";

    public bool HasProcesses => true;

    public void Run(SuiteSettings settings, Recorder rows) => RunAsync(settings, rows).GetAwaiter().GetResult();

    private async Task RunAsync(SuiteSettings settings, Recorder rows)
    {
        var isBrief = settings.IsBrief;
        using var graph = new GraphStep(pool => Networks.Regression(pool, 1), 1, withGradients: true);
        var expected = graph.Results();
        using (var folder = new TemporaryFolder())
        using (var sockets = await PeerProcess.StartAsync(folder["raw.sock"]))
        using (var servers = await RemoteServers.StartAsync())
        {
            await RoundTrips.MeasureAsync(Name, sockets, isBrief ? 10 : 4000, rows);
            await StepLatency.WarmUpAsync(servers.Endpoints, isBrief ? 10 : 40_000, rows);
            foreach (var (endpoint, plain) in servers.Endpoints.Zip<Endpoint, Endpoint?>([sockets.PlainUnix, sockets.Plain, null]))
            {
                foreach (var perMessage in StepLatency.StepsPerMessage)
                    await StepLatency.MeasureAsync(Name, endpoint, perMessage, expected, isBrief ? 12 : 4000, plain, rows);
            }

            await StepRates.MeasureAsync(Name, servers.Plain, servers.Endpoints[1], sockets.Plain, settings.Peer, graph.Network, expected, isBrief, rows);
            await PerceptronSteps.MeasureAsync(Name, [.. servers.Endpoints.Take(2)], sockets, settings.Peer, isBrief, rows);
        }

        foreach (var byDigest in new[] { true, false })
        {
            var form = byDigest ? "by digest" : "inline";
            var (steady, cold) = ($"Black-Scholes, 500/s, {form}", $"Black-Scholes, {form}, first of a new server");
            if (!rows.Wants(steady) && !rows.Wants(cold))
                continue;
            var times = await FormulaLatency.MeasureAsync(byDigest, isBrief ? 20 : Formulas);
            var first = times[0];
            if (rows.Wants(steady))
                rows.Add(Statistics.Row(Name, steady, times) with { Note = $"p99 {Recorder.Number(Statistics.At(times, 0.99))}" });
            if (rows.Wants(cold))
                rows.Add(new Row(Name, cold, 1, "us", first) { MayAllocate = true });
        }

        const string Telemetry = "10-5-1 unary, server CPU, telemetry on";
        if (isBrief || !rows.Wants(Telemetry))
            return;
        var cost = await TelemetryCost.MeasureAsync(processes: 2);
        rows.Add(new Row(Name, Telemetry, 1, "us", cost.On)
        {
            Beside = new Dictionary<string, double?> { ["telemetry off"] = cost.Off },
            Note = string.Create(CultureInfo.InvariantCulture, $"ratios of pairs {cost.LowerQuartile:0.00}–{cost.UpperQuartile:0.00}"),
        });
    }
}
