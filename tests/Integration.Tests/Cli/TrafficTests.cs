using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Integration.Tests.Cli;

/// <summary>
/// What tensors cost a server in managed memory. The server is a process of its own, whose runtime tells what it allocated.
/// GRADIENTS_TRAFFIC_SECONDS says how long the traffic lasts.
/// </summary>
public sealed class TrafficTests
{
    private const int Tensor = 16 << 20;
    private const int Chunk = 1 << 20;

    private static readonly byte[] Elements = new byte[Chunk];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>
    /// What a call costs by itself is in both sizes; the difference is what the elements cost. The wire suite of the benchmark
    /// counts whole calls, of 4 KiB and more in chunks of 256 KiB: more than the connection's pipe takes without a wait, in
    /// which every state machine up to the connection goes to the heap, some 3 KB. Four bytes wait for nothing.
    /// </summary>
    [Fact]
    public async Task Tensors_come_and_go_without_managed_memory_of_their_size()
    {
        await using var server = await Server.StartAsync();
        foreach (var bytes in new[] { 4, Tensor })
        {
            for (var i = 0; i < 20; i++)
                await server.ReleaseAsync(await DownloadAsync(server, await UploadAsync(server, bytes), bytes));
        }

        // A young process moves its long-lived objects to the oldest generation, for which it collects that once or twice.
        while (await server.CollectionsAsync("gen0") < 10)
            await CostAsync(server, () => Task.WhenAll(Enumerable.Range(0, 10).Select(_ => server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = server.Session }, cancellationToken: Cancellation).ResponseAsync)));

        var collections = await server.CollectionsAsync("gen2");
        var small = await CostAsync(server, async () => await server.ReleaseAsync(await UploadAsync(server, 4)));
        var large = await SettledAsync(server, async () => await server.ReleaseAsync(await UploadAsync(server, Tensor)));
        var one = await UploadAsync(server, 4);
        var kept = await UploadAsync(server, Tensor);
        var read = await CostAsync(server, () => DownloadAsync(server, one, 4));
        var readLarge = await SettledAsync(server, () => DownloadAsync(server, kept, Tensor));
        var full = await server.CollectionsAsync("gen2") - collections;
        TestContext.Current.SendDiagnosticMessage($"upload {small} and {large} bytes, download {read} and {readLarge}, {full} full collections");

        // Its 16 messages, each of which waits for bytes: what gRPC's reader takes for a wait.
        Assert.InRange(large - small, long.MinValue, 6 << 10);

        // What Kestrel takes for each of its 16 batches, and for sending them in parts.
        Assert.InRange(readLarge - read, long.MinValue, 40 << 10);

        // One may come of buffers that connections still grew by; elements in managed memory would make one every few rounds.
        Assert.InRange(full, 0, 1);
    }

    /// <summary>The less of two: while the first lasts, connections' buffers may still grow, once and for all.</summary>
    private static async Task<long> SettledAsync(Server server, Func<Task> round) => Math.Min(await CostAsync(server, round), await CostAsync(server, round));

    /// <summary>Bytes that the server allocates for a round, telling them not counted.</summary>
    private static async Task<long> CostAsync(Server server, Func<Task> round)
    {
        var first = await server.AllocatedAsync();
        var before = await server.AllocatedAsync();
        var rounds = 0;
        for (var began = Stopwatch.GetTimestamp(); rounds < 60 || Stopwatch.GetElapsedTime(began) < Duration; rounds++)
            await round();
        return (await server.AllocatedAsync() - before - (before - first)) / rounds;
    }

    private static TimeSpan Duration => TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("GRADIENTS_TRAFFIC_SECONDS") ?? "1", CultureInfo.InvariantCulture));

    /// <summary>Returns the handle.</summary>
    private static async Task<string> UploadAsync(Server server, int bytes)
    {
        using var upload = server.Tensors.UploadTensor(cancellationToken: Cancellation);
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = server.Session, DataType = V1.DataType.Float32, Shape = { bytes / 4 } } }, Cancellation);
        for (var offset = 0; offset < bytes; offset += Chunk)
            await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = UnsafeByteOperations.UnsafeWrap(Elements.AsMemory(0, Math.Min(bytes, Chunk))) } }, Cancellation);
        await upload.RequestStream.CompleteAsync();
        return (await upload).Handle;
    }

    private static async Task<string> DownloadAsync(Server server, string handle, int bytes)
    {
        using var call = server.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = server.Session, Handle = handle, ChunkBytes = Chunk }, cancellationToken: Cancellation);
        long received = 0;
        while (await call.ResponseStream.MoveNext(Cancellation))
            received += call.ResponseStream.Current.Chunk?.Data.Length ?? 0;
        Assert.Equal(bytes, received);
        return handle;
    }

    private sealed class Server : IAsyncDisposable
    {
        private readonly CliProcess _process;
        private readonly GrpcChannel _channel;
        private readonly HttpClient _http = new();
        private readonly string _metrics;

        private Server(CliProcess process, string address, string metrics)
        {
            _process = process;
            _metrics = metrics;
            _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { MaxReceiveMessageSize = null });
            Sessions = new V1.SessionService.SessionServiceClient(_channel);
            Tensors = new V1.TensorService.TensorServiceClient(_channel);
        }

        public V1.SessionService.SessionServiceClient Sessions { get; }

        public V1.TensorService.TensorServiceClient Tensors { get; }

        public string Session { get; private set; } = "";

        public static async Task<Server> StartAsync()
        {
            // Narrow windows, so that the first rounds make all blocks that connections ever hold.
            var environment = new Dictionary<string, string>
            {
                ["Logging__LogLevel__Gradients"] = "Information",
                ["Logging__LogLevel__Default"] = "Warning",
                ["GRADIENTS__STREAMWINDOWBYTES"] = $"{1 << 20}",
                ["GRADIENTS__CONNECTIONWINDOWBYTES"] = $"{1 << 20}",
            };
            var process = CliProcess.Start(environment, "serve", "--port", "0", "--management-port", "0", "--threads", "1", "--memory", "256MB");
            var address = (await process.Output.ReadLineAsync(Cancellation))!["Gradients listens on ".Length..];
            string? metrics = null;
            while (metrics is null && await process.Error.ReadLineAsync(Cancellation) is { } line)
            {
                var at = line.IndexOf("http://", StringComparison.Ordinal);
                if (line.Contains("management", StringComparison.Ordinal) && at >= 0)
                    metrics = line[at..].Split(' ', ',', ';')[0].TrimEnd('/', '.') + "/metrics";
            }

            var server = new Server(process, address, metrics!);
            server.Session = (await server.Sessions.CreateSessionAsync(new V1.CreateSessionRequest(), cancellationToken: Cancellation)).Session.Name;
            return server;
        }

        public async Task ReleaseAsync(string handle) =>
            await Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = Session, Handles = { handle } }, cancellationToken: Cancellation);

        public Task<long> AllocatedAsync() => SumAsync("dotnet_gc_heap_total_allocated_bytes_total");

        public Task<long> CollectionsAsync(string generation) => SumAsync("dotnet_gc_collections_total", generation);

        public async ValueTask DisposeAsync()
        {
            _http.Dispose();
            _channel.Dispose();
            await _process.DisposeAsync();
        }

        private async Task<long> SumAsync(string name, string label = "")
        {
            var text = await _http.GetStringAsync(_metrics, Cancellation);
            var values = Regex.Matches(text, $@"^{name}({{[^}}]*{label}[^}}]*}})? (\S+)", RegexOptions.Multiline);
            Assert.NotEmpty(values);
            return (long)values.Sum(v => double.Parse(v.Groups[2].Value, CultureInfo.InvariantCulture));
        }
    }
}
