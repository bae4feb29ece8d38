using Google.Protobuf;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Threats;

/// <summary>
/// The table of threats: messages and chunks. A compressed bomb, packed zeros and empty submessages are measured in
/// <see cref="BombTests"/>, malformed and deeply nested messages at every rpc in <see cref="MalformedTests"/>.
/// </summary>
public sealed class WireThreats
{
    [Fact]
    public async Task An_oversize_message()
    {
        await using var server = await TestServer.StartAsync();
        var request = new V1.DefineNodesRequest { Nodes = { new V1.Node { Label = new string('x', 5 << 20) } } };
        var status = await RefusedAsync(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE", async () => await server.Sessions.DefineNodesAsync(request));
        Assert.NotNull(status.GetDetail<Google.Rpc.QuotaFailure>());
    }

    /// <summary>A header says 2 GB; nothing follows.</summary>
    [Fact]
    public async Task A_length_that_is_not_true()
    {
        await using var server = await TestServer.StartAsync();
        Check(await BareRequests.PostAsync(server, "gradients.v1.SessionService/DefineNodes", [0, 0x7F, 0xFF, 0xFF, 0xFF]), StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE");
    }

    public static TheoryData<string, string> BadChunks => new()
    {
        { "out of order", "CHUNK_OUT_OF_ORDER" },
        { "duplicated", "CHUNK_OUT_OF_ORDER" },
        { "past the end", "CONTENT_SIZE_MISMATCH" },
        { "missing", "CONTENT_SIZE_MISMATCH" },
        { "never ending", "CONTENT_SIZE_MISMATCH" },
    };

    [Theory]
    [MemberData(nameof(BadChunks))]
    public async Task Bad_chunks_change_nothing_and_give_the_buffer_back(string fault, string reason)
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        V1.UploadTensorRequest[] chunks = fault switch
        {
            "out of order" => [TensorTests.Chunk(4, 4), TensorTests.Chunk(0, 4)],
            "duplicated" => [TensorTests.Chunk(0, 4), TensorTests.Chunk(0, 4)],
            "past the end" => [TensorTests.Chunk(0, 4), TensorTests.Chunk(4, 8)],
            "missing" => [TensorTests.Chunk(0, 4)],
            _ => [.. Enumerable.Range(0, 100).Select(i => TensorTests.Chunk((ulong)i, 1))],
        };
        await RefusedAsync(StatusCode.InvalidArgument, reason, () => TensorTests.SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 8 } }, chunks));
        Assert.Equal((0UL, 0), ((await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.HeldBytes, server.Host.Pool.RentedCount));
    }

    /// <summary>One byte now and then: within each pause, and far below the rate.</summary>
    [Fact]
    public async Task A_slow_upload()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { UploadMinBytesPerSecond = 100, UploadIdleTimeout = TimeSpan.FromSeconds(10) }, time);
        var session = await server.OpenAsync();
        using var call = server.Tensors.UploadTensor();
        await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 1000 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        await RefusedAsync(StatusCode.DeadlineExceeded, "UPLOAD_TIMEOUT", async () =>
        {
            for (ulong i = 0; i < 100; i++)
            {
                time.Advance(TimeSpan.FromSeconds(9));
                try
                {
                    await call.RequestStream.WriteAsync(TensorTests.Chunk(i, 1));
                }
                catch (Exception e) when (e is RpcException or InvalidOperationException)
                {
                    break;
                }
            }

            await call;
        });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }
}
