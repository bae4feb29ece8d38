using System.Net.Sockets;
using Google.Protobuf;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Testing;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Wire;

/// <summary>What transfers hold on the server. Counts its memory, so nothing runs beside it.</summary>
[CollectionDefinition(nameof(TransferTests), DisableParallelization = true)]
[Collection(nameof(TransferTests))]
public sealed class TransferTests
{
    private const int Mebibyte = 1 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Ten tensors of 16 MiB at once over one connection: the tensors themselves and at most 64 MiB beside them.</summary>
    [Fact]
    public async Task Concurrent_uploads_hold_their_tensors_and_little_beside()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var chunk = ByteString.CopyFrom(new byte[Mebibyte / 4]);
        using var all = new CancellationTokenSource();
        var managed = HighWaterOfHeapAsync(all.Token);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            using var call = server.Tensors.UploadTensor();
            await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Float32, Shape = { 4 * Mebibyte } } });
            for (var offset = 0; offset < 16 * Mebibyte; offset += chunk.Length)
                await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = chunk } });
            await call.RequestStream.CompleteAsync();
            await call;
        }));
        await all.CancelAsync();
        var connections = server.App.Services.GetRequiredService<ConnectionMemory>().HighWaterBytes;
        Assert.Equal(160L * Mebibyte, server.Host.Pool.HighWaterBytes);
        Assert.InRange(connections, 1, 48L * Mebibyte);
        Assert.InRange(await managed, 0, 64L * Mebibyte);
    }

    [Fact]
    public async Task A_thousand_cancelled_uploads_leave_the_connection_and_no_buffer()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var chunk = new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Data = ByteString.CopyFrom(new byte[10_000]) } };
        var connections = 0;
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellation) =>
            {
                connections++;
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var channel = GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { HttpHandler = handler });
        var tensors = new V1.TensorService.TensorServiceClient(channel);
        for (var i = 0; i < 1000; i++)
        {
            using var call = tensors.UploadTensor();
            await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { Mebibyte } } });
            if (i % 2 == 0)
                await call.RequestStream.WriteAsync(chunk);
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0, () => string.Join(", ", server.Host.Pool.Ledger()));
        await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest());
        Assert.Equal(1, connections);
        Assert.Equal(0UL, (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.HeldBytes);
    }

    /// <summary>A reply is written from the tensor itself, and both wait for the reader within their budgets.</summary>
    [Fact]
    public async Task A_reader_that_does_not_read_is_not_buffered_for()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var uploaded = await TensorTests.SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 64L * Mebibyte } }, [.. Enumerable.Range(0, 64).Select(i => TensorTests.Chunk((ulong)i * Mebibyte, Mebibyte))]);
        var connections = server.App.Services.GetRequiredService<ConnectionMemory>();
        var wire = server.App.Services.GetRequiredService<ServerQuotas>().Wire;
        using (var call = server.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = session, Handle = uploaded.Handle, ChunkBytes = Mebibyte }))
        {
            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
            await Eventually.HoldsAsync(() => connections.RentedBytes > 0);
            for (var looks = 0; looks < 50; looks++)
            {
                Assert.InRange(connections.RentedBytes, 0, 4L * Mebibyte);
                Assert.InRange(wire.Used, 0, 2L * Mebibyte);
                await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
            }
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1 && wire.Used == 0);
    }

    /// <summary>The digest of a request covers elements that are not in managed memory.</summary>
    [Fact]
    public async Task A_repeated_request_with_other_large_elements_is_no_repetition()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Variable(1, 1000) } });
        V1.SetVariablesRequest Set(double last) => new() { Session = session, RequestId = Id(1), Updates = { new V1.VariableUpdate { Variable = 1, Tensor = Tensor([.. new double[999], last], 1000) } } };
        await server.Sessions.SetVariablesAsync(Set(1));
        await server.Sessions.SetVariablesAsync(Set(1));
        await RefusedAsync(StatusCode.AlreadyExists, "REQUEST_ID_REUSED", async () => await server.Sessions.SetVariablesAsync(Set(2)));
        var state = (await server.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = session, Variables = { 1 } })).Variables[0];
        Assert.Equal((1UL, 1.0), (state.Version, Elements(state.Value)[999]));
    }

    /// <summary>Elements reach the engine's budget before they are copied, and go back when the request is refused.</summary>
    [Theory]
    [InlineData("no room", StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED")]
    [InlineData("malformed", StatusCode.InvalidArgument, "MALFORMED_MESSAGE")]
    [InlineData("refused", StatusCode.InvalidArgument, "CONTENT_SIZE_MISMATCH")]
    [InlineData("no session", StatusCode.NotFound, "SESSION_NOT_FOUND")]
    public async Task What_is_refused_leaves_nothing_in_the_pool(string fault, StatusCode code, string reason)
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MemoryBudgetBytes = 2 * Mebibyte });
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Variable(1, 1000) } });
        var elements = fault == "no room" ? 3 * Mebibyte / 8 : 1000;
        var request = new V1.SetVariablesRequest
        {
            Session = fault == "no session" ? "sessions/" + new string('0', 40) : session,
            Updates = { new V1.VariableUpdate { Variable = 1, Tensor = Tensor(new double[elements], fault == "refused" ? 999 : elements) } },
        };
        byte[] bytes = fault == "malformed" ? [.. request.ToByteArray(), 0x0B] : request.ToByteArray();
        await RefusedAsync(code, reason, () => RawCalls.UnaryAsync(server, "gradients.v1.SessionService", "SetVariables", bytes));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0 && server.App.Services.GetRequiredService<ServerQuotas>().Wire.Used == 0);
    }

    [Theory]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(100_000)]
    public async Task Elements_of_all_sizes_arrive_and_return_bit_for_bit(int count)
    {
        await using var server = await TestServer.StartAsync();
        var bytes = new byte[count * 4];
        new Random(count).NextBytes(bytes);
        var x = new V1.Tensor { DataType = V1.DataType.Float32, Shape = { count }, Raw = ByteString.CopyFrom(bytes) };
        var request = new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { new V1.Node { Id = 1, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = x } } } } } },
            Fetches = { Fetch(1) },
        };
        var reply = await server.Evaluation.EvaluateAsync(request);
        Assert.Equal(x.Raw, reply.Values[0].Tensor.Raw);
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    /// <summary>The most bytes of the managed heap, above those at the start.</summary>
    private static async Task<long> HighWaterOfHeapAsync(CancellationToken until)
    {
        var start = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        while (!until.IsCancellationRequested)
        {
            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false) - start);
            await Task.Yield();
        }

        return most;
    }
}
