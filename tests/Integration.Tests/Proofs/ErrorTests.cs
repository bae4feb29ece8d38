using Gradients.Client;
using Grpc.Core;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>What the server found wrong, as the caller of the SDK sees it.</summary>
public sealed class ErrorTests
{
    [Fact]
    public async Task A_shape_mismatch_found_by_the_server_names_node_op_and_shapes()
    {
        await using var server = await ProofServer.StartAsync();
        await using var client = server.ConnectClient();
        await using (var session = await client.CreateSessionAsync())
        {
            var a = session.Input<float>("a", "rows", "inner");
            var b = session.Input<float>("b", "depth", "columns");
            var product = a.MatMul(b).Named("scores");
            var e = await Assert.ThrowsAsync<ShapeMismatchException>(() => session.ForwardAsync([product], new Feeds { [a] = new float[2, 3], [b] = new float[4, 5] }));
            Assert.False(e.IsLocal);
            Assert.Equal((StatusCode.InvalidArgument, "SHAPE_MISMATCH", "MatMul"), (e.Code, e.Reason, e.Op));
            Assert.Equal(product.Id, e.NodeId);
            Assert.Equal("scores", e.NodeLabel);
            Assert.Contains("[2, 3]", e.Shapes);
            Assert.Contains("[4, 5]", e.Shapes);
            Assert.Matches("^[0-9a-f]{32}$", e.TraceId);

            // The session goes on.
            var run = await session.ForwardAsync([product], new Feeds { [a] = new float[,] { { 2 } }, [b] = new float[,] { { 3 } } });
            Assert.Equal(6, run[product].Item<float>());
        }

        await server.EmptyAsync();
    }

    [Fact]
    public async Task A_shape_mismatch_that_is_known_without_the_server_is_raised_where_the_node_is_made()
    {
        await using var server = await ProofServer.StartAsync();
        await using var client = server.ConnectClient();
        await using var session = await client.CreateSessionAsync();
        var a = session.Input<float>("a", 2, 3);
        var b = session.Input<float>("b", 4, 5);
        var e = Assert.Throws<ShapeMismatchException>(() => a.MatMul(b));
        Assert.True(e.IsLocal);
        Assert.Equal("MatMul", e.Op);
        Assert.Contains("[2, 3]", e.Shapes);
        Assert.Contains("[4, 5]", e.Shapes);
    }

    [Fact]
    public async Task Guessed_deleted_and_malformed_session_names_get_one_answer_on_every_rpc()
    {
        await using var server = await ProofServer.StartAsync();
        var deleted = await server.OpenAsync();
        await server.DeleteAsync(deleted);
        var living = await server.OpenAsync();
        string[] names = [deleted, living[..^4] + (living.EndsWith("0000", StringComparison.Ordinal) ? "1111" : "0000"), living.ToUpperInvariant(), living[..^1], living + "0", "sessions/", "", "nonsense"];
        Func<string, Task>[] calls =
        [
            async n => await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = n }),
            async n => await server.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = n }),
            async n => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = n }),
            async n => await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = n }),
            async n => await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = n }),
            async n => await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = n }),
            async n => await server.Sessions.ApplyGradientsAsync(new V1.ApplyGradientsRequest { Session = n }),
            async n => await server.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = n }),
            async n => await server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = n }),
            async n => await server.Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = n }),
            async n =>
            {
                using var call = server.Sessions.Interact();
                await Streams.SendAsync(call.RequestStream, [new V1.InteractRequest { Session = n }]);
                await call.ResponseStream.MoveNext(CancellationToken.None);
            },
            async n =>
            {
                using var call = server.Main.Tensors.UploadTensor();
                await Streams.SendAsync(call.RequestStream, [new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = n, DataType = V1.DataType.Float32 } }]);
                await call;
            },
            async n =>
            {
                using var call = server.Main.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = n, Handle = "tensors/1" });
                await call.ResponseStream.MoveNext(CancellationToken.None);
            },
        ];

        var answers = new HashSet<string>();
        foreach (var call in calls)
        {
            foreach (var name in names)
                answers.Add((await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", () => call(name))).Status.Detail);
        }

        Assert.Single(answers);
        await server.EmptyAsync();
    }

    [Fact]
    public async Task A_restarted_server_tells_the_client_that_its_session_is_lost()
    {
        var first = await ProofServer.StartAsync();
        using var link = new Link(first.Address);
        await using var client = new GradientsClient(link.Channel);
        await using var session = await client.CreateSessionAsync();
        var w = session.Variable("w", [1f, 2f]);
        Assert.Equal([1f, 2f], await ArrayAsync(session.GetAsync(w)));
        await first.DisposeAsync();

        await using var second = await ProofServer.StartAsync();
        link.Target = second.Address;
        var e = await Assert.ThrowsAsync<SessionEndedException>(() => session.GetAsync(w));
        Assert.Equal((StatusCode.NotFound, "SESSION_LOST"), (e.Code, e.Reason));
        await RefusedAsync(StatusCode.NotFound, "SESSION_LOST", async () => await second.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session.Name }));
    }

    private static async Task<IEnumerable<float>> ArrayAsync(Task<TensorData> tensor) => (await tensor).ToArray<float>();
}
