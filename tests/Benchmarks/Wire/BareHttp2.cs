using System.Buffers;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Endpoint = Gradients.Benchmarks.Processes.Endpoint;

namespace Gradients.Benchmarks.Wire;

/// <summary>
/// As many bytes in pieces as large as ours by HTTP/2 alone: HttpClient to the listener, the windows and the buffers of our server,
/// which throws away what comes and returns zeros. What moving them without gRPC and tensors takes.
/// </summary>
internal sealed class BareHttp2(Endpoint endpoint) : ITransfer
{
    private const string Path = "/bytes";
    private const int PieceBytes = 256 << 10;

    /// <summary>As ours: each wait for the connection is for some pieces.</summary>
    private const int FlushedBytes = 1 << 20;

    private static readonly byte[] Zeros = new byte[PieceBytes];

    private readonly HttpClient _client = endpoint.OpenHttp();
    private readonly byte[] _received = new byte[PieceBytes];
    private byte[] _content = [];

    public int MaxBytes => int.MaxValue;

    public static void Map(WebApplication app)
    {
        app.MapPost(Path, TakeAsync);
        app.MapGet($"{Path}/{{count:int}}", (HttpContext context, int count) => ReturnAsync(context.Response, count));
    }

    public async Task<bool> PrepareAsync(byte[] content)
    {
        _content = content;
        await UploadAsync(1);
        await DownloadAsync(1);
        return true;
    }

    public async Task UploadAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new Pieces(_content) };
            using var response = await _client.SendAsync(request);
            ITransfer.Require(long.Parse(await response.Content.ReadAsStringAsync(), CultureInfo.InvariantCulture), _content.Length);
        }
    }

    public async Task DownloadAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{Path}/{_content.Length}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await using var body = await response.Content.ReadAsStreamAsync();
            var total = 0L;
            while (await body.ReadAsync(_received) is > 0 and var read)
                total += read;
            ITransfer.Require(total, _content.Length);
        }
    }

    public Task SettleAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task TakeAsync(HttpContext context)
    {
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        var reader = context.Request.BodyReader;
        for (var total = 0L; ;)
        {
            var read = await reader.ReadAsync();
            total += read.Buffer.Length;
            reader.AdvanceTo(read.Buffer.End);
            if (!read.IsCompleted)
                continue;
            await context.Response.WriteAsync(total.ToString(CultureInfo.InvariantCulture));
            return;
        }
    }

    private static async Task ReturnAsync(HttpResponse response, int count)
    {
        var unsent = 0;
        for (var left = count; left > 0; left -= PieceBytes)
        {
            var piece = Zeros.AsMemory(0, Math.Min(left, PieceBytes));
            response.BodyWriter.Write(piece.Span);
            unsent += piece.Length;
            if (unsent < FlushedBytes)
                continue;
            await response.BodyWriter.FlushAsync();
            unsent = 0;
        }
    }

    private sealed class Pieces(byte[] content) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var offset = 0; offset < content.Length; offset += PieceBytes)
                await stream.WriteAsync(content.AsMemory(offset, Math.Min(PieceBytes, content.Length - offset)));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = content.Length;
            return true;
        }
    }
}
