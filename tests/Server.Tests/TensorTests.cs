using System.Runtime.InteropServices;
using Google.Protobuf;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class TensorTests
{
    private static readonly V1.UploadTensorHeader Header = new() { DataType = V1.DataType.Float64, Shape = { 1000 } };

    [Theory]
    [InlineData(1)]
    [InlineData(1001)]
    [InlineData(8000)]
    public async Task What_is_uploaded_is_downloaded_bit_for_bit(int chunk)
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var elements = Elements();
        var uploaded = await UploadAsync(server, session, elements, chunk);
        Assert.Equal(("tensors/1", 8000UL), (uploaded.Handle, uploaded.ByteSize));

        using var download = server.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = session, Handle = uploaded.Handle, ChunkBytes = 999, Checksums = true });
        Assert.Equal(elements, await ReceiveAsync(download));
    }

    [Fact]
    public async Task Variables_and_gradients_are_downloaded()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(Define(session));
        await RefusedAsync(StatusCode.FailedPrecondition, "VARIABLE_NOT_SET", () => DownloadAsync(server, new V1.DownloadTensorRequest { Session = session, Variable = 1 }));
        await server.Sessions.SetVariablesAsync(Set(session, 2, 3));
        await RefusedAsync(StatusCode.FailedPrecondition, "GRADIENT_ABSENT", () => DownloadAsync(server, new V1.DownloadTensorRequest { Session = session, Gradient = 1 }));
        await server.Sessions.BackwardAsync(Backward(session, V1.GradientMode.Accumulate));
        Assert.Equal(MemoryMarshal.AsBytes<double>(new double[] { 2, 3 }).ToArray(), await DownloadAsync(server, new V1.DownloadTensorRequest { Session = session, Variable = 1 }));
        Assert.Equal(MemoryMarshal.AsBytes<double>(new double[] { 5, 7 }).ToArray(), await DownloadAsync(server, new V1.DownloadTensorRequest { Session = session, Gradient = 1 }));
        await RefusedAsync(StatusCode.NotFound, "TENSOR_NOT_FOUND", () => DownloadAsync(server, new V1.DownloadTensorRequest { Session = session, Handle = "tensors/5" }));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", () => DownloadAsync(server, new V1.DownloadTensorRequest { Session = session, Handle = "tensors/05" }));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", () => DownloadAsync(server, new V1.DownloadTensorRequest { Session = session }));
    }

    [Fact]
    public async Task An_empty_tensor_and_a_scalar_are_uploaded()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        Assert.Equal(0UL, (await SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Int64, Shape = { 3, 0 } })).ByteSize);
        Assert.Equal(1UL, (await SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool }, Chunk(0, 1))).ByteSize);
    }

    [Fact]
    public async Task A_repeated_upload_returns_the_first_handle()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var header = new V1.UploadTensorHeader { Session = session, RequestId = Id(1), DataType = V1.DataType.Bool, Shape = { 2 } };
        Assert.Equal("tensors/1", (await SendAsync(server, header, Chunk(0, 2))).Handle);
        Assert.Equal("tensors/1", (await SendAsync(server, header, Chunk(0, 2))).Handle);
        header.Shape[0] = 3;
        await RefusedAsync(StatusCode.AlreadyExists, "REQUEST_ID_REUSED", () => SendAsync(server, header, Chunk(0, 3)));
    }

    public static TheoryData<string, string> BadUploads => new()
    {
        { "gap", "CHUNK_OUT_OF_ORDER" },
        { "twice", "CHUNK_OUT_OF_ORDER" },
        { "second header", "CHUNK_OUT_OF_ORDER" },
        { "no header", "CHUNK_OUT_OF_ORDER" },
        { "too few", "CONTENT_SIZE_MISMATCH" },
        { "too many", "CONTENT_SIZE_MISMATCH" },
        { "checksum", "CHECKSUM_MISMATCH" },
        { "empty chunk", "INVALID_FIELD" },
        { "no type", "INVALID_FIELD" },
        { "negative", "SHAPE_MISMATCH" },
        { "rank 9", "SHAPE_MISMATCH" },
        { "overflow", "SHAPE_MISMATCH" },
        { "not a bool", "INVALID_FIELD" },
    };

    [Theory]
    [MemberData(nameof(BadUploads))]
    public async Task A_bad_upload_leaves_nothing_behind(string fault, string reason)
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 8 } };
        V1.UploadTensorRequest[] chunks = fault switch
        {
            "gap" => [Chunk(0, 2), Chunk(3, 5)],
            "twice" => [Chunk(0, 2), Chunk(0, 2)],
            "second header" => [Chunk(0, 2), new() { Header = header }],
            "too few" => [Chunk(0, 7)],
            "too many" => [Chunk(0, 8), Chunk(8, 1)],
            "checksum" => [new() { Chunk = new V1.TensorChunk { Data = ByteString.CopyFrom(new byte[8]), Crc32C = 1 } }],
            "empty chunk" => [Chunk(0, 0)],
            "not a bool" => [new() { Chunk = new V1.TensorChunk { Data = ByteString.CopyFrom([0, 1, 2, 0, 0, 0, 0, 0]) } }],
            _ => [],
        };
        switch (fault)
        {
            case "no type":
                header.DataType = V1.DataType.Unspecified;
                break;
            case "negative":
                header.Shape[0] = -1;
                break;
            case "rank 9":
                header.Shape.AddRange(Enumerable.Repeat(1L, 8));
                break;
            case "overflow":
                header.Shape.AddRange([1L << 32, 1L << 32]);
                break;
        }

        await RefusedAsync(StatusCode.InvalidArgument, reason, () => fault == "no header" ? SendAsync(server, null, Chunk(0, 8)) : SendAsync(server, header, chunks));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
        Assert.Equal(0UL, (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.HeldBytes);
    }

    [Fact]
    public async Task An_upload_reserves_at_its_header_and_a_cancelled_one_gives_back()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        for (var i = 0; i < 20; i++)
        {
            using var call = server.Tensors.UploadTensor();
            await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Float32, Shape = { 1 << 20 } } });
            await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
            Assert.True((await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.HeldBytes >= 4 << 20);
            call.Dispose();
            await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
        }
    }

    [Fact]
    public async Task A_pause_or_slowness_ends_an_upload()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { UploadIdleTimeout = TimeSpan.FromSeconds(10), UploadMinBytesPerSecond = 100 }, time);
        var session = await server.OpenAsync();
        using var paused = server.Tensors.UploadTensor();
        await paused.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 1000 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        await RefusedAsync(StatusCode.DeadlineExceeded, "UPLOAD_TIMEOUT", () => Eventually.DrivenAsync(paused.ResponseAsync, () =>
        {
            time.Advance(TimeSpan.FromSeconds(10));
            return Task.CompletedTask;
        }));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);

        using var slow = server.Tensors.UploadTensor();
        await slow.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 1000 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        ulong sent = 0;
        await RefusedAsync(StatusCode.DeadlineExceeded, "UPLOAD_TIMEOUT", () => Eventually.DrivenAsync(slow.ResponseAsync, async () =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            try
            {
                await slow.RequestStream.WriteAsync(Chunk(sent++, 1));
            }
            catch (RpcException)
            {
                // The upload has ended: its response says why.
            }
        }));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task Uploads_over_the_sessions_or_the_servers_memory_are_refused_at_the_header()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MemoryBudgetBytes = 1 << 22, SessionMaxBytes = 1 << 24, MaxTensorBytes = 1 << 26 });
        var session = await server.OpenAsync();
        foreach (var (bytes, reason) in new[] { (1L << 23, "MEMORY_BUDGET_EXCEEDED"), (1L << 25, "SESSION_QUOTA"), (1L << 27, "LIMIT_EXCEEDED") })
            await RefusedAsync(StatusCode.ResourceExhausted, reason, () => SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { bytes } }));
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    internal static V1.UploadTensorRequest Chunk(ulong offset, int bytes) =>
        new() { Chunk = new V1.TensorChunk { Offset = offset, Data = ByteString.CopyFrom(new byte[bytes]) } };

    internal static async Task<V1.UploadTensorResponse> SendAsync(TestServer server, V1.UploadTensorHeader? header, params V1.UploadTensorRequest[] chunks)
    {
        using var call = server.Tensors.UploadTensor();
        try
        {
            if (header is not null)
                await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = header });
            foreach (var chunk in chunks)
                await call.RequestStream.WriteAsync(chunk);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The server has answered already; the response tells what.
        }

        return await call;
    }

    private static byte[] Elements()
    {
        var bytes = new byte[8000];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private static Task<V1.UploadTensorResponse> UploadAsync(TestServer server, string session, byte[] bytes, int chunk)
    {
        var header = Header.Clone();
        header.Session = session;
        return SendAsync(server, header, [.. bytes.Chunk(chunk).Select((data, i) => new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Offset = (ulong)(i * chunk), Data = ByteString.CopyFrom(data), Crc32C = Crc(data) } })]);
    }

    private static async Task<byte[]> DownloadAsync(TestServer server, V1.DownloadTensorRequest request)
    {
        using var call = server.Tensors.DownloadTensor(request);
        return await ReceiveAsync(call);
    }

    private static async Task<byte[]> ReceiveAsync(AsyncServerStreamingCall<V1.DownloadTensorResponse> call)
    {
        var received = new List<byte>();
        var headers = 0;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            if (message.PartCase == V1.DownloadTensorResponse.PartOneofCase.Header)
            {
                headers++;
                continue;
            }

            Assert.Equal((ulong)received.Count, message.Chunk.Offset);
            if (message.Chunk.HasCrc32C)
                Assert.Equal(Crc(message.Chunk.Data.Span), message.Chunk.Crc32C);
            received.AddRange(message.Chunk.Data);
        }

        Assert.Equal(1, headers);
        return [.. received];
    }

    /// <summary>CRC-32C bit by bit, reflected polynomial 0x82F63B78; "123456789" gives 0xE3069283 (RFC 3720, B.4).</summary>
    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }

        return ~crc;
    }
}
