using System.Globalization;
using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;
using Gradients.Benchmarks.Wire;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Remote;

/// <summary>
/// The step of 784-512-256-10 at batch 128, 401 KB of features fed each time: gradients accumulated at the server and their norms
/// returned, one step after the other or some in flight, or 2.1 MB of gradients returned. Beside it the same in this process, and
/// what as many bytes take over a raw socket and to a plain gRPC service that computes nothing.
/// </summary>
internal static class PerceptronSteps
{
    private const string Name = "784-512-256-10 b128";
    private static readonly int[] Sizes = [784, 512, 256, 10];

    /// <summary>One is computed, one is read, one is written, and one waits so that none of these does. With two, UDS waits.</summary>
    private const int InFlight = 4;

    /// <summary>Steps of a turn with several in flight, so that the first and the last, which wait, count for little.</summary>
    private const int PipelinedTurn = 48;

    private const string Latency = "accumulated";
    private const string Pipelined = "accumulated, 4 in flight";
    private const string Returned = "returned";

    public static async Task MeasureAsync(string suite, IReadOnlyList<Endpoint> endpoints, PeerProcess sockets, IPeer? peer, bool isBrief, Recorder rows)
    {
        string[] ways = [Latency, Pipelined, Returned];
        var wanted = endpoints.SelectMany(e => ways.Select(way => (Endpoint: e.Name, Way: way, Turn: $"{e.Name}, {way}"))).Where(w => rows.Wants($"{Name} {w.Turn}")).ToList();
        if (wanted.Count == 0)
            return;
        using var graph = new GraphStep(Create, 1, withGradients: true);
        var expected = graph.Results();
        double[][] norms = [expected[0], .. expected[1..].Select(g => new[] { Math.Sqrt(g.Sum(v => v * v)) })];
        using var accumulating = new SessionAccumulatingStep(1, Create);
        using var returning = new SessionBackwardStep(1, Create);
        using var local = peer?.Create(graph.Network, 1, withGradients: true);
        var (python, missing) = isBrief ? (null, "not asked with --check") : await PythonServer.StartAsync(graph.Network, Sizes);
        using var owned = python;
        if (local is not null)
            Agreement.Require($"{Name}, libtorch", local.Results(), expected);
        if (python is not null)
        {
            Agreement.Require($"{Name}, Python", [await python.ResultsAsync()], [[.. expected.SelectMany(e => e)]]);
            Agreement.Require($"{Name}, Python", [await python.ResultsAsync(accumulates: true)], [[expected[0][0], Math.Sqrt(norms[1..].Sum(n => n[0] * n[0]))]]);
        }

        await using var up = new RawSocketTransfer(sockets.Tcp);
        await using var down = new RawSocketTransfer(sockets.Tcp);
        await using PlainTransfer plain = new(sockets.Plain), plainBack = new(sockets.Plain);
        var fed = new byte[graph.Network.Values.Where(v => !graph.Network.Parameters.Contains(v.Key)).Sum(v => v.Value.ByteCount)];
        var brought = new byte[sizeof(float) * expected.Sum(e => e.Length)];
        if (!await up.PrepareAsync(fed) || !await down.PrepareAsync(brought) || !await plain.PrepareAsync(fed) || !await plainBack.PrepareAsync(brought))
            throw new InvalidOperationException("What was sent did not come back.");

        var turns = new Dictionary<string, Turn>
        {
            ["in process"] = Synchronous(accumulating.Run),
            ["in process, returned"] = Synchronous(returning.Run),
            ["raw socket"] = new(async n =>
            {
                for (var i = 0; i < n; i++)
                    await Task.WhenAll(up.UploadAsync(1), down.DownloadAsync(1));
            }),
            ["plain gRPC"] = new(plain.UploadAsync),
            ["plain gRPC, returned"] = new(async n =>
            {
                for (var i = 0; i < n; i++)
                {
                    await plain.UploadAsync(1);
                    await plainBack.DownloadAsync(1);
                }
            }),
        };
        if (local is not null)
            turns["libtorch"] = Synchronous(local.Run);
        if (python is not null)
        {
            turns["Python"] = new(n => python.RunAsync(n, 1, accumulates: true));
            turns[$"Python, {InFlight} in flight"] = new(n => python.RunAsync(n, InFlight, accumulates: true)) { Least = InFlight };
            turns["Python, returned"] = new(n => python.RunAsync(n, 1));
        }

        var remote = new List<PipelinedSteps>();
        foreach (var endpoint in endpoints.Where(e => wanted.Any(w => w.Endpoint == e.Name)))
        {
            PipelinedSteps returned = await PipelinedSteps.OpenAsync(endpoint, 1, Create), accumulated = await PipelinedSteps.OpenAsync(endpoint, 1, Create);
            remote.AddRange(returned, accumulated);
            accumulated.Accumulates();
            Agreement.Require($"{Name} over {endpoint.Name}", await returned.ResultsAsync(), expected);
            Agreement.Require($"{Name} over {endpoint.Name}, norms", await accumulated.ResultsAsync(), norms);
            await RequireSumAsync(accumulated, expected, endpoint.Name);
            foreach (var (_, way, turn) in wanted.Where(w => w.Endpoint == endpoint.Name))
            {
                turns[turn] = way switch
                {
                    Latency => new(n => accumulated.RunAsync(n, 1)),
                    Pipelined => new(n => accumulated.RunAsync(n, InFlight)) { Least = isBrief ? InFlight : PipelinedTurn },
                    _ => new(n => returned.RunAsync(n, 1)),
                };
            }
        }

        var samples = turns.Keys.Zip(await Turns.MeasureAsync([.. turns.Values], TimeSpan.FromSeconds(isBrief ? 0.01 : 1.5))).ToDictionary(s => s.First, s => s.Second);
        foreach (var step in remote)
            step.Dispose();
        foreach (var (_, way, turn) in wanted)
            Add(way, turn);

        void Add(string way, string name)
        {
            var time = Median(name);
            var (isReturned, isJudged) = (way == Returned, way == Pipelined);
            var inProcess = Median(isReturned ? "in process, returned" : "in process");
            var plainly = Median(isReturned ? "plain gRPC, returned" : "plain gRPC");
            var server = Median(way switch { Latency => "Python", Pipelined => $"Python, {InFlight} in flight", _ => "Python, returned" });
            rows.Add(Statistics.Row(suite, $"{Name} {name}", samples[name]) with
            {
                Libtorch = Median("libtorch"),
                Beside = new Dictionary<string, double?>
                {
                    ["in process"] = inProcess,
                    ["raw socket"] = isReturned ? Median("raw socket") : null,
                    ["plain gRPC"] = plainly,
                    ["Python server"] = server,
                },
                Note = Target.Join(
                    isJudged ? Target.AtMost("of libtorch's time", 0.55, time / Median("libtorch")) : null,
                    isJudged ? Target.AtMost("of the step in process", 1.25, time / inProcess) : null,
                    isJudged ? Target.AtLeast("of the Python server's rate", 10, server / time, server / inProcess) : null,
                    missing is null ? null : $"Python server: {missing}"),
            });
        }

        double? Median(string name) => samples.TryGetValue(name, out var times) ? Statistics.Median(times) : null;
    }

    /// <summary>What several steps in flight have accumulated is so many times the gradients of one.</summary>
    private static async Task RequireSumAsync(PipelinedSteps steps, double[][] expected, string endpoint)
    {
        const int Count = 9;
        await steps.TakeAccumulatedAsync();
        await steps.RunAsync(Count, 4);
        var sum = await steps.TakeAccumulatedAsync();
        Agreement.Require($"{Name} over {endpoint}, accumulated", sum, [.. expected[1..].Select(g => Array.ConvertAll(g, v => Count * v))]);
    }

    private static Network Create(BufferPool pool) => Networks.Perceptron(pool, 128, Sizes);

    private static Turn Synchronous(Action<int> run) => new(n => { run(n); return Task.CompletedTask; });
}
