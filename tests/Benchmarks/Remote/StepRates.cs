using System.Diagnostics;
using System.Globalization;
using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Remote;

/// <summary>10-5-1 steps a second over TCP, as many in flight as the server's default lets wait, beside libtorch in this process, PyTorch behind gRPC, and a stream that returns as many bytes.</summary>
internal static class StepRates
{
    private const int InFlight = 512;
    private const int StepsPerMessage = 64;
    private const int StepsPerTurn = 20_000;
    private const string Many = "64 a message";
    private const string Single = "1 a message";
    private const string Sdk = "SDK";
    private static readonly string[] Ways = [Many, Single, Sdk];

    public static async Task MeasureAsync(string suite, ServerProcess server, Endpoint endpoint, Endpoint plain, IPeer? peer, Network network, double[][] expected, bool isBrief, Recorder rows)
    {
        const string Name = "10-5-1 pipelined";
        var wanted = Ways.Where(way => rows.Wants($"{Name}, {way}")).ToArray();
        if (wanted.Length == 0)
            return;
        using var many = await PipelinedSteps.OpenAsync(endpoint, StepsPerMessage, pool => Networks.Regression(pool, 1));
        using var single = await PipelinedSteps.OpenAsync(endpoint, 1, pool => Networks.Regression(pool, 1));
        await using var sdk = await SdkSteps.OpenAsync(endpoint);
        using PlainEcho manyEcho = new(plain, many.MessageBytes), singleEcho = new(plain, single.MessageBytes);
        using var local = peer?.Create(network, 1, withGradients: true);
        var (python, missing) = isBrief ? (null, "not asked with --check") : await PythonServer.StartAsync(network, 10, 5, 1);
        using var owned = python;
        Agreement.Require($"{Name}, {Many}", await many.ResultsAsync(), expected);
        Agreement.Require($"{Name}, {Single}", await single.ResultsAsync(), expected);
        Agreement.Require($"{Name}, {Sdk}", await sdk.ResultsAsync(), expected);
        if (local is not null)
            Agreement.Require($"{Name}, libtorch", local.Results(), expected);
        if (python is not null)
            Agreement.Require($"{Name}, Python", [await python.ResultsAsync()], [[.. expected.SelectMany(e => e)]]);

        var costs = new Dictionary<string, List<double>>();
        var turns = wanted.Select(way => (Name: way, Turn: Pipelined(way, way switch
        {
            Many => n => many.RunAsync(n, InFlight / StepsPerMessage),
            Single => n => single.RunAsync(n, InFlight),
            _ => sdk.RunAsync,
        }))).ToList();
        foreach (var way in wanted)
            turns.Add((EchoOf(way), new Turn(n => way == Many ? manyEcho.RunAsync(n / StepsPerMessage, InFlight / StepsPerMessage) : singleEcho.RunAsync(n, InFlight)) { Least = isBrief ? InFlight : StepsPerTurn }));
        if (local is not null)
            turns.Add(("libtorch", new Turn(n => { local.Run(n); return Task.CompletedTask; })));
        if (python is not null)
            turns.Add(("Python", new Turn(n => python.RunAsync(n, 8))));
        var samples = await Turns.MeasureAsync([.. turns.Select(t => t.Turn)], TimeSpan.FromSeconds(isBrief ? 0.01 : 3));
        var medians = turns.Zip(samples, (t, s) => (t.Name, Median: Statistics.Median(s))).ToDictionary(m => m.Name, m => (double?)m.Median);
        foreach (var ((name, _), times) in turns.Zip(samples).Take(wanted.Length))
        {
            var time = medians[name];
            rows.Add(Statistics.Row(suite, $"{Name}, {name}", times) with
            {
                Libtorch = medians.GetValueOrDefault("libtorch"),
                Beside = new Dictionary<string, double?> { ["gRPC echo"] = medians[EchoOf(name)], ["Python server"] = medians.GetValueOrDefault("Python") },
                Note = Target.Join(
                    string.Create(CultureInfo.InvariantCulture, $"{Statistics.Median(costs[name]):0.0} us of both processes"),
                    Target.AtLeast("steps/s", name == Many ? 100_000 : 60_000, 1e6 / time, 1e6 / medians[EchoOf(name)]),
                    name == Many ? Target.AtLeast("of libtorch's rate", 4, medians.GetValueOrDefault("libtorch") / time) : null,
                    name == Many ? Target.AtLeast("of the Python server's rate", 10, medians.GetValueOrDefault("Python") / time) : null,
                    missing is null ? null : $"Python server: {missing}"),
            });
        }

        static string EchoOf(string way) => $"echo, {way}";

        Turn Pipelined(string name, Func<int, Task> run)
        {
            costs[name] = [];
            return new Turn(async n =>
            {
                var before = server.ProcessorTime + Process.GetCurrentProcess().TotalProcessorTime;
                await run(n);
                costs[name].Add((server.ProcessorTime + Process.GetCurrentProcess().TotalProcessorTime - before).TotalMicroseconds / n);
            })
            {
                Least = isBrief ? InFlight : StepsPerTurn,
            };
        }
    }
}
