using System.Diagnostics;
using System.Globalization;
using Gradients.Benchmarks.Processes;
using Gradients.Testing;

namespace Gradients.Benchmarks.Wire;

/// <summary>Tensors to a server and back.</summary>
internal sealed class WireSuite : ISuite
{
    private const string Plain = "plain gRPC";
    private const string Bare = "HTTP/2 alone";
    private const string Cpp = "C++ server";
    private const string Upload = "upload";

    /// <summary>Tensors for which allocated bytes are counted at a time.</summary>
    private const int Counted = 4;

    /// <summary>Managed bytes that the server may allocate a tensor.</summary>
    private const int AskedBytes = 4096;

    /// <summary>Of smaller tensors HTTP/2 is no limit: the call around them takes longer.</summary>
    private const int MovedBytes = 1 << 20;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    private static readonly string[] Directions = [Upload, "download"];

    private static readonly (string Name, int Bytes)[] Sizes = [("4 KB", 4 << 10), ("64 KB", 64 << 10), ("1 MB", 1 << 20), ("16 MB", 16 << 20), ("64 MB", 64 << 20)];

    public string Name => "wire";

    public string Summary => "Tensors to a server in a process of its own and back: chunks by the SDK over TCP and a Unix domain socket, one message by the generated client where it has room, chunks by a client in C++. Beside them what one writes first (unary Grpc.AspNetCore, a bytes field), a gRPC server in C++ that takes the same chunks from the same client, and HTTP/2 alone: HttpClient moves as many bytes in as large pieces to our server's own listener, which throws them away, or back, without gRPC and tensors. Limit: a raw socket of the same kind. Bytes are those the server allocates a tensor; beside them those that Grpc.AspNetCore allocates for as many chunks that nobody looks at, or for a call with an empty message.";

    public bool HasProcesses => true;

    public void Run(SuiteSettings settings, Recorder rows) => RunAsync(settings, rows).GetAwaiter().GetResult();

    private async Task RunAsync(SuiteSettings settings, Recorder rows)
    {
        using var folder = new TemporaryFolder();
        var ways = new Dictionary<string, ITransfer>();
        var running = new Stack<IDisposable>();
        try
        {
            var socket = folder["gradients"];
            var server = await ServerProcess.StartAsync(new Dictionary<string, string> { ["GRADIENTS__SOCKETPATH"] = socket });
            running.Push(server);
            var peer = await PeerProcess.StartAsync(folder["raw"]);
            running.Push(peer);
            Endpoint tcp = new("TCP", server.Address.ToString()), unix = new("UDS", $"unix:{socket}");
            var plain = new PlainStream(peer.Plain);
            running.Push(plain);
            ways.Add("raw TCP", new RawSocketTransfer(peer.Tcp));
            ways.Add("raw UDS", new RawSocketTransfer(peer.Unix));
            ways.Add(Plain, new PlainTransfer(peer.Plain));
            ways.Add($"{Bare} TCP", new BareHttp2(tcp));
            ways.Add($"{Bare} UDS", new BareHttp2(unix));
            ways.Add("chunks TCP", await StreamTransfer.OpenAsync(tcp));
            ways.Add("chunks UDS", await StreamTransfer.OpenAsync(unix));
            ways.Add("message TCP", await UnaryTransfer.OpenAsync(tcp));
            var missing = settings.IsBrief ? "not asked with --check" : await CppPrograms.BuildAsync();
            if (missing is null)
            {
                var native = await ChildProcess.StartAsync(new ProcessStartInfo(CppPrograms.Server, [folder["native"]]));
                running.Push(native);
                await using var sessions = tcp.Connect();
                var (first, second) = (await sessions.CreateSessionAsync(), await sessions.CreateSessionAsync());
                ways.Add("chunks TCP, C++ client", await CppTransfer.OpenAsync(server.Address.Authority, first.Name));
                ways.Add("chunks UDS, C++ client", await CppTransfer.OpenAsync(unix.Address, second.Name));
                ways.Add($"{Cpp} TCP", await CppTransfer.OpenAsync($"127.0.0.1:{native.Greeting}"));
                ways.Add($"{Cpp} UDS", await CppTransfer.OpenAsync($"unix:{folder["native"]}"));
            }

            if (!settings.IsBrief)
                await WarmUpAsync([.. ways.Values]);
            foreach (var (name, bytes) in settings.IsBrief ? Sizes[..3] : Sizes)
                await MeasureAsync(name, bytes, ways.Where(w => w.Value.MaxBytes >= bytes).ToDictionary(), server, peer, plain, settings.IsBrief, rows);
            if (missing is not null)
                rows.Add(new Row(Name, "C++ client and server", 1, "us", null) { Note = missing, MayAllocate = true });
        }
        finally
        {
            foreach (var way in ways.Values)
                await way.DisposeAsync();
            foreach (var process in running)
                process.Dispose();
        }
    }

    /// <summary>Small tensors by all ways until the code of all processes is compiled for good: the first rows would measure that.</summary>
    private static async Task WarmUpAsync(IReadOnlyList<ITransfer> ways)
    {
        foreach (var way in ways)
            await way.PrepareAsync(new byte[Sizes[0].Bytes]);
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < WarmUp;)
        {
            foreach (var way in ways)
            {
                await way.UploadAsync(Counted);
                await way.DownloadAsync(Counted);
                await way.SettleAsync();
            }
        }
    }

    private async Task MeasureAsync(string size, int bytes, Dictionary<string, ITransfer> ways, ServerProcess server, PeerProcess peer, PlainStream plain, bool isBrief, Recorder rows)
    {
        var wanted = Directions.ToDictionary(d => d, d => ways.Keys.Where(way => IsOurs(way) && rows.Wants(RowOf(d, size, way))).ToList());
        var content = GC.AllocateUninitializedArray<byte>(bytes);
        new Random(7).NextBytes(content);
        foreach (var direction in Directions)
        {
            Func<ITransfer, int, Task> run = direction == Upload ? (w, n) => w.UploadAsync(n) : (w, n) => w.DownloadAsync(n);
            var measured = With(wanted[direction]);
            foreach (var (name, way) in measured)
            {
                if (!await way.PrepareAsync(content))
                    throw new InvalidDataException($"{size} by {name} came back different.");
            }

            var samples = await Turns.MeasureAsync([.. measured.Values.Select(w => new Turn(n => run(w, n)) { Settle = w.SettleAsync })], TimeSpan.FromSeconds(isBrief ? 0.02 : 0.4));
            var medians = measured.Keys.Zip(samples, (name, s) => (name, Median: Statistics.Median(s))).ToDictionary(m => m.name, m => m.Median);
            foreach (var ((name, way), times) in measured.Zip(samples).Where(w => IsOurs(w.First.Key)))
            {
                var peers = PeersOf(name, bytes);
                var limit = medians[$"raw {KindOf(name)}"] / medians[name];
                var floor = await FloorAsync(IsStream(name), direction, bytes, peer, plain);
                var allocated = await AllocatedAsync(() => run(way, Counted), way.SettleAsync, server.AllocatedBytesAsync);
                rows.Add(Statistics.Row(Name, RowOf(direction, size, name), times) with
                {
                    LimitFraction = limit,
                    AllocatedBytes = allocated,
                    Beside = new[] { Plain, Bare, Cpp }.ToDictionary(peer => peer, MedianOf),
                    Note = Target.Join(
                        string.Create(CultureInfo.InvariantCulture, $"{bytes / medians[name] / 1e3:0.00} GB/s"),
                        Target.AtMost("bytes allocated", AskedBytes, allocated, floor),
                        string.Create(CultureInfo.InvariantCulture, $"{(IsStream(name) ? "a plain stream" : "an empty call")} allocates {floor:0}"),
                        (direction, size, name) switch
                        {
                            (Upload, "16 MB", "chunks TCP") => Target.AtLeast("of a raw socket's rate", 0.5, limit, limit * medians[name] / MedianOf(Bare)),
                            (Upload, "16 MB", "chunks TCP, C++ client") => Target.AtLeast("of the C++ server's rate", 0.9, MedianOf(Cpp) / medians[name]),
                            _ => null,
                        }),
                });

                double? MedianOf(string peer) => peers.FirstOrDefault(p => p.StartsWith(peer, StringComparison.Ordinal)) is { } beside && medians.TryGetValue(beside, out var median) ? median : null;
            }
        }

        // With what is beside them.
        Dictionary<string, ITransfer> With(IEnumerable<string> ours)
        {
            var names = ours.SelectMany(name => (string[])[name, $"raw {KindOf(name)}", .. PeersOf(name, bytes)]).ToHashSet();
            return ways.Where(w => names.Contains(w.Key)).ToDictionary();
        }
    }

    /// <summary>What Grpc.AspNetCore allocates by itself for as many chunks, or for a call.</summary>
    private static Task<double> FloorAsync(bool isStream, string direction, int bytes, PeerProcess peer, PlainStream plain)
    {
        return AllocatedAsync(RunAsync, () => Task.CompletedTask, peer.AllocatedBytesAsync);

        async Task RunAsync()
        {
            for (var i = 0; i < Counted; i++)
                await (!isStream ? plain.CallAsync() : direction == Upload ? plain.SendAsync(bytes) : plain.ReceiveAsync(bytes));
        }
    }

    private static bool IsStream(string way) => way.StartsWith("chunks", StringComparison.Ordinal);

    private static string RowOf(string direction, string size, string way) => $"{direction} {size}, {way}";

    private static bool IsOurs(string way) => IsStream(way) || way.StartsWith("message", StringComparison.Ordinal);

    private static bool IsNative(string way) => way.Contains("C++", StringComparison.Ordinal);

    private static string KindOf(string way) => way.Contains("UDS", StringComparison.Ordinal) ? "UDS" : "TCP";

    /// <summary>What a way is compared with; over UDS the plain service is not.</summary>
    private static string[] PeersOf(string way, int bytes)
    {
        var kind = KindOf(way);
        if (IsNative(way))
            return [$"{Cpp} {kind}"];
        string[] plain = kind == "TCP" ? [Plain] : [];
        return IsStream(way) && bytes >= MovedBytes ? [.. plain, $"{Bare} {kind}"] : plain;
    }

    /// <summary>Managed bytes of the server a tensor: the least of several, as the runtime's own come now and then.</summary>
    private static async Task<double> AllocatedAsync(Func<Task> run, Func<Task> settle, Func<Task<long>> allocated)
    {
        var least = double.MaxValue;
        for (var window = 0; window < 3; window++)
        {
            var before = await allocated();
            await run();
            least = Math.Min(least, (await allocated() - before) / (double)Counted);
            await settle();
        }

        return least;
    }
}
