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

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tensors_come_and_go_without_managed_memory_of_their_size_and_without_full_collections()
    {
        await using var server = await Server.StartAsync();
        var (upload, download) = (Part(), new V1.DownloadTensorRequest { Session = server.Session, ChunkBytes = Chunk });
        for (var i = 0; i < 20; i++)
            await RoundAsync(server, upload, download);
        var idle = await server.AllocatedAsync();
        var scrape = await server.AllocatedAsync() - idle;
        var before = await server.AllocatedAsync();
        var collections = await server.FullCollectionsAsync();
        var rounds = 0;
        for (var began = Stopwatch.GetTimestamp(); rounds < 10 || Stopwatch.GetElapsedTime(began) < Duration; rounds++)
            await RoundAsync(server, upload, download);
        var perRound = (await server.AllocatedAsync() - before - (2 * scrape)) / rounds;
        TestContext.Current.SendDiagnosticMessage($"{perRound} bytes for an upload, a download and a release of {Tensor} bytes, {rounds} rounds, {await server.FullCollectionsAsync() - collections} full collections");
        Assert.Equal(collections, await server.FullCollectionsAsync());

        // Three calls and 32 chunks of a mebibyte.
        Assert.InRange(perRound, 0, 64 << 10);
    }

    private static TimeSpan Duration => TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("GRADIENTS_TRAFFIC_SECONDS") ?? "2", CultureInfo.InvariantCulture));

    private static V1.UploadTensorRequest[] Part()
    {
        var data = ByteString.CopyFrom(new byte[Chunk]);
        return [.. Enumerable.Range(0, Tensor / Chunk).Select(i => new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Offset = (ulong)i * Chunk, Data = data } })];
    }

    private static async Task RoundAsync(Server server, V1.UploadTensorRequest[] chunks, V1.DownloadTensorRequest download)
    {
        using var upload = server.Tensors.UploadTensor(cancellationToken: Cancellation);
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = server.Session, DataType = V1.DataType.Float32, Shape = { Tensor / 4 } } }, Cancellation);
        foreach (var chunk in chunks)
            await upload.RequestStream.WriteAsync(chunk, Cancellation);
        await upload.RequestStream.CompleteAsync();
        download.Handle = (await upload).Handle;
        long received = 0;
        using (var call = server.Tensors.DownloadTensor(download, cancellationToken: Cancellation))
        {
            while (await call.ResponseStream.MoveNext(Cancellation))
                received += call.ResponseStream.Current.Chunk?.Data.Length ?? 0;
        }

        Assert.Equal(Tensor, received);
        await server.Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = server.Session, Handles = { download.Handle } }, cancellationToken: Cancellation);
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
            var environment = new Dictionary<string, string> { ["Logging__LogLevel__Gradients"] = "Information", ["Logging__LogLevel__Default"] = "Warning" };
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

        public Task<long> AllocatedAsync() => SumAsync("dotnet_gc_heap_total_allocated_bytes_total");

        public Task<long> FullCollectionsAsync() => SumAsync("dotnet_gc_collections_total", "gen2");

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
