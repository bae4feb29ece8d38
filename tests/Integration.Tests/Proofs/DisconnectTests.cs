using Google.Protobuf;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>A client whose connection breaks in the middle: what it had begun leaves no buffer behind.</summary>
public sealed class DisconnectTests
{
    private const int Chunk = 1 << 18;
    private const long Bytes = 64L * Chunk;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_upload_that_breaks_off_leaves_nothing(bool cut)
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync();
        var link = server.Connect();
        using (var call = link.Tensors.UploadTensor())
        {
            await call.RequestStream.WriteAsync(Header(session));
            await call.RequestStream.WriteAsync(Part(0));
            await Eventually.HoldsAsync(() => server.Host.Pool.Ledger().ContainsKey("upload"), () => "the upload has not begun");
            if (cut)
            {
                link.Cut();
                await Assert.ThrowsAsync<RpcException>(async () => await call);
            }
        }

        await server.EmptyAsync();
        var info = await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session });
        Assert.Equal(0UL, info.Session.HeldBytes);
    }

    [Fact]
    public async Task A_download_that_breaks_off_gives_its_tensor_back()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync();
        var handle = await UploadAsync(server, session);
        var link = server.Connect();
        var call = link.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = session, Handle = handle });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        link.Cut();
        await Assert.ThrowsAnyAsync<Exception>(() => DrainAsync(call));
        call.Dispose();
        await server.Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = session, Handles = { handle } });
        await server.EmptyAsync();
    }

    [Fact]
    public async Task A_download_that_nobody_reads_ends_with_its_session()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync();
        var handle = await UploadAsync(server, session);
        using var call = server.Main.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = session, Handle = handle });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        await server.DeleteAsync(session);
        await server.EmptyAsync();
        await Assert.ThrowsAsync<RpcException>(() => DrainAsync(call));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_that_breaks_with_commands_in_flight_cancels_them(bool cut)
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, 20_000);
        var link = server.Connect();
        using (var call = link.Sessions.Interact())
        {
            var message = new V1.InteractRequest { Session = session };
            for (var i = 0; i < 3; i++)
            {
                message.Commands.Add(new V1.SessionCommand { Backward = LongWork.Backward("", root) });
                message.Commands.Add(new V1.SessionCommand { SetVariables = new V1.SetVariablesRequest { Updates = { new V1.VariableUpdate { Variable = LongWork.Weights, Tensor = LongWork.Filled(7) } } } });
            }

            // 3 MiB of values beside the two that the session holds.
            await call.RequestStream.WriteAsync(message);
            await server.ComputesAsync();
            await Eventually.HoldsAsync(() => server.Host.Pool.Ledger()["request"].Count == 5, () => "the commands have not arrived");
            if (cut)
            {
                link.Cut();
                await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
            }
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 2, () => "rented: " + string.Join(", ", server.Host.Pool.Ledger()));
        var weights = await server.VariableAsync(session, LongWork.Weights);
        Assert.Null(weights.Gradient);
        Assert.Equal(1UL, weights.Version);
        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    [Fact]
    public async Task A_stream_whose_results_nobody_reads_holds_nothing_after_the_cut()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync(Variable(1, 512, 512), Node(2, "Add", 1, 1));
        await server.SetAsync(session, (1, LongWork.Filled(1)));
        var link = server.Connect();
        using (var call = link.Sessions.Interact())
        {
            // Replies of 1 MiB each: more than the connection's windows take.
            var message = new V1.InteractRequest { Session = session };
            for (var i = 0; i < 40; i++)
                message.Commands.Add(new V1.SessionCommand { Forward = new V1.ForwardRequest { Fetches = { Fetch(2) } } });
            await call.RequestStream.WriteAsync(message);
            await Eventually.HoldsAsync(() => server.Host.Pool.Ledger().GetValueOrDefault("output").Count > 10, () => "results do not wait");
            link.Cut();
            await Assert.ThrowsAsync<RpcException>(async () =>
            {
                while (await call.ResponseStream.MoveNext(CancellationToken.None))
                {
                }
            });
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1, () => "rented: " + string.Join(", ", server.Host.Pool.Ledger()));
        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    private static V1.UploadTensorRequest Header(string session) =>
        new() { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Float32, Shape = { Bytes / 4 } } };

    private static V1.UploadTensorRequest Part(long offset) =>
        new() { Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = ByteString.CopyFrom(new byte[Chunk]) } };

    private static async Task<string> UploadAsync(ProofServer server, string session)
    {
        using var call = server.Main.Tensors.UploadTensor();
        await call.RequestStream.WriteAsync(Header(session));
        for (long offset = 0; offset < Bytes; offset += Chunk)
            await call.RequestStream.WriteAsync(Part(offset));
        await call.RequestStream.CompleteAsync();
        return (await call).Handle;
    }

    private static async Task DrainAsync(AsyncServerStreamingCall<V1.DownloadTensorResponse> call)
    {
        var received = 0L;
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
            received += call.ResponseStream.Current.Chunk?.Data.Length ?? 0;
        Assert.Fail($"The download came to its end after {received} bytes.");
    }
}
