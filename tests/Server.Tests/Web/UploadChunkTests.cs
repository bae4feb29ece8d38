using System.Net;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Testing;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Web;

/// <summary>Uploads by unary calls.</summary>
public sealed class UploadChunkTests
{
    private static readonly byte[] Bytes = MemoryMarshal.AsBytes<double>([1, 2, 3, 4]).ToArray();

    [Fact]
    public async Task Chunks_make_a_tensor_and_may_be_sent_again()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var opened = await OpenAsync(server, session, Chunk(0, 10));
        Assert.Equal(("uploads/1", 10UL, ""), (opened.Upload, opened.ReceivedBytes, opened.Handle));
        Assert.Equal(10UL, (await StoreAsync(server, session, opened.Upload, Chunk(0, 10))).ReceivedBytes);
        Assert.Equal(20UL, (await StoreAsync(server, session, opened.Upload, Chunk(10, 10))).ReceivedBytes);
        Assert.Equal(20UL, (await StoreAsync(server, session, opened.Upload, Chunk(4, 3))).ReceivedBytes);
        var last = Chunk(20, 12);
        last.Crc32C = Gradients.Server.Wire.TensorChunks.Checksum(last.Data.Span);
        for (var i = 0; i < 2; i++)
            Assert.Equal(("tensors/1", 32UL), (await StoreAsync(server, session, opened.Upload, last)) is var r ? (r.Handle, r.ReceivedBytes) : default);
        using var download = server.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = session, Handle = "tensors/1" }, cancellationToken: TestContext.Current.CancellationToken);
        var received = new List<byte>();
        await foreach (var part in download.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
            received.AddRange(part.Chunk?.Data ?? ByteString.Empty);
        Assert.Equal(Bytes, received);
        Assert.Equal(32UL, (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.HeldBytes);
    }

    [Fact]
    public async Task An_opening_is_idempotent_by_its_request_id_and_an_empty_tensor_is_complete()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        V1.UploadChunkRequest Opening() => new() { Session = session, RequestId = Id(1), Header = new V1.TensorHeader { DataType = V1.DataType.Float64, Shape = { 4 } } };
        Assert.Equal("uploads/1", (await server.Tensors.UploadChunkAsync(Opening())).Upload);
        Assert.Equal("uploads/1", (await server.Tensors.UploadChunkAsync(Opening())).Upload);
        Assert.Equal(1, server.Host.Pool.RentedCount);
        var empty = await server.Tensors.UploadChunkAsync(new V1.UploadChunkRequest { Session = session, Header = new V1.TensorHeader { DataType = V1.DataType.Float64, Shape = { 0 } } });
        Assert.Equal("tensors/1", empty.Handle);
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_and_changes_nothing()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxUploads = 2 });
        var session = await server.OpenAsync();
        var upload = (await OpenAsync(server, session, null)).Upload;
        await StoreAsync(server, session, upload, Chunk(0, 10));
        var changed = Chunk(0, 10);
        changed.Data = ByteString.CopyFrom(new byte[10]);
        var wrong = Chunk(10, 4);
        wrong.Crc32C = 1;
        foreach (var (reason, chunk) in new[] { ("CHUNK_OUT_OF_ORDER", Chunk(11, 4)), ("CHUNK_OUT_OF_ORDER", Chunk(8, 4)), ("CHUNK_OUT_OF_ORDER", changed), ("CHECKSUM_MISMATCH", wrong), ("INVALID_FIELD", Chunk(10, 0)) })
            await RefusedAsync(StatusCode.InvalidArgument, reason, () => StoreAsync(server, session, upload, chunk));
        await RefusedAsync(StatusCode.InvalidArgument, "CHUNK_OUT_OF_ORDER", () => StoreAsync(server, session, upload, new V1.TensorChunk { Offset = ulong.MaxValue, Data = ByteString.CopyFrom(1) }));
        await RefusedAsync(StatusCode.InvalidArgument, "CONTENT_SIZE_MISMATCH", () => StoreAsync(server, session, upload, new V1.TensorChunk { Offset = 10, Data = ByteString.CopyFrom(new byte[23]) }));
        await RefusedAsync(StatusCode.NotFound, "UPLOAD_NOT_FOUND", () => StoreAsync(server, session, "uploads/9", Chunk(0, 1)));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Tensors.UploadChunkAsync(new V1.UploadChunkRequest { Session = session }));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Tensors.UploadChunkAsync(new V1.UploadChunkRequest { Session = session, Upload = upload }));
        await RefusedAsync(StatusCode.InvalidArgument, "CHUNK_OUT_OF_ORDER", () => OpenAsync(server, session, Chunk(1, 1)));
        await OpenAsync(server, session, null);
        await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", () => OpenAsync(server, session, null));
        Assert.Equal(2, server.Host.Pool.RentedCount);
        var other = await server.OpenAsync();
        await RefusedAsync(StatusCode.NotFound, "UPLOAD_NOT_FOUND", () => StoreAsync(server, other, upload, Chunk(10, 4)));
        Assert.Equal(14UL, (await StoreAsync(server, session, upload, Chunk(10, 4))).ReceivedBytes);
    }

    [Fact]
    public async Task A_pause_that_is_too_long_ends_it_and_so_does_the_session()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { DefaultSessionTtl = TimeSpan.FromHours(1) }, time);
        var session = await server.OpenAsync();
        var upload = (await OpenAsync(server, session, Chunk(0, 10))).Upload;
        time.Advance(TimeSpan.FromSeconds(30));
        await RefusedAsync(StatusCode.NotFound, "UPLOAD_NOT_FOUND", () => StoreAsync(server, session, upload, Chunk(10, 4)));
        time.Advance(TimeSpan.FromSeconds(10));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);

        // 8 bytes in 59 seconds are fewer than 4 KiB a second after the first 30.
        var slow = (await OpenAsync(server, session, Chunk(0, 4))).Upload;
        time.Advance(TimeSpan.FromSeconds(29));
        await StoreAsync(server, session, slow, Chunk(4, 4));
        time.Advance(TimeSpan.FromSeconds(29));
        await RefusedAsync(StatusCode.DeadlineExceeded, "UPLOAD_TIMEOUT", () => StoreAsync(server, session, slow, Chunk(8, 4)));

        await OpenAsync(server, session, Chunk(0, 10));
        await server.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session });
        Assert.Equal(0, server.Host.Pool.RentedCount);
        Assert.Equal(0, server.App.Services.GetRequiredService<ServerQuotas>().Uploads.Used);
    }

    [Fact]
    public async Task It_is_done_by_JSON()
    {
        await using var web = await WebServer.StartAsync();
        var session = await web.Server.OpenAsync();
        var upload = (await web.PostAsync($"/v1/{session}:uploadChunk", $$$"""{"header":{"dataType":"DATA_TYPE_FLOAT64","shape":[4]},"chunk":{"data":"{{{Convert.ToBase64String(Bytes[..16])}}}"}}""")).Ok().GetProperty("upload").GetString();
        var done = (await web.PostAsync($"/v1/{session}:uploadChunk", $$$"""{"upload":"{{{upload}}}","chunk":{"offset":16,"data":"{{{Convert.ToBase64String(Bytes[16..])}}}"}}""")).Ok();
        Assert.Equal("tensors/1", done.GetProperty("handle").GetString());
        (await web.PostAsync($"/v1/{session}:uploadChunk", """{"upload":"uploads/7","chunk":{"data":"AA=="}}""")).Refused(HttpStatusCode.NotFound, StatusCode.NotFound, "UPLOAD_NOT_FOUND");
    }

    private static V1.TensorChunk Chunk(int offset, int count) => new() { Offset = (ulong)offset, Data = ByteString.CopyFrom(Bytes, offset, count) };

    private static async Task<V1.UploadChunkResponse> OpenAsync(TestServer server, string session, V1.TensorChunk? chunk) =>
        await server.Tensors.UploadChunkAsync(new V1.UploadChunkRequest { Session = session, Header = new V1.TensorHeader { DataType = V1.DataType.Float64, Shape = { 4 } }, Chunk = chunk });

    private static async Task<V1.UploadChunkResponse> StoreAsync(TestServer server, string session, string upload, V1.TensorChunk chunk) =>
        await server.Tensors.UploadChunkAsync(new V1.UploadChunkRequest { Session = session, Upload = upload, Chunk = chunk });
}
