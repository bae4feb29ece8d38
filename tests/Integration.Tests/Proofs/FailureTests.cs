using Google.Protobuf;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>Failures of every kind of request give back what they had taken.</summary>
public sealed class FailureTests
{
    [Fact]
    public async Task Failed_requests_leave_the_ledger_as_it_was_and_a_deleted_session_leaves_it_empty()
    {
        await using var server = await ProofServer.StartAsync(configure: o => o.MemoryBudgetBytes = 64 << 20);
        var sessions = server.Sessions;
        var s = await server.OpenAsync(
            Variable(1, 4), Variable(2, 4), Input(3, 4), Node(4, "Mul", 1, 3), Sum(5, 4), Node(6, "Log", 4), Sum(7, 6),
            IntInput(8, 2), Node(9, "Gather", 1, 8), Node(10, "Mul", 2, 2), Variable(11, 1 << 20, 1), Variable(12, 1, 1 << 20), Node(13, "Add", 11, 12));
        await server.SetAsync(s, (1, Vector(1, 2, 3, 4)));
        var x = Feed(3, Vector(1, 1, 1, 1));
        var run = (await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { x }, Gradients = true, Roots = { 5UL } })).Run;
        await sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Run = run, Roots = { Root(5) } });
        var before = server.Host.Pool.Ledger().Values.Sum(v => v.Count);
        Assert.Equal(1, before);

        (StatusCode Code, string Reason, Func<Task> Call)[] failures =
        [
            (StatusCode.Unimplemented, "OP_UNSUPPORTED", async () => await sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Nodes = { Constant(20, Vector(1, 2)), Node(21, "Nothing", 20) } })),
            (StatusCode.InvalidArgument, "GRAPH_CYCLE", async () => await sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Nodes = { Constant(20, Vector(1, 2)), Node(21, "Add", 20, 22), Node(22, "Neg", 21) } })),
            (StatusCode.AlreadyExists, "NODE_EXISTS", async () => await sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Nodes = { Constant(20, Vector(1, 2)), Node(1, "Neg", 20) } })),
            (StatusCode.InvalidArgument, "FEED_MISSING", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Fetches = { Fetch(4) } })),
            (StatusCode.InvalidArgument, "SHAPE_MISMATCH", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { Feed(3, Vector(1, 2, 3)) }, Fetches = { Fetch(4) } })),
            (StatusCode.InvalidArgument, "CONTENT_SIZE_MISMATCH", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { x, Feed(8, Tensor([1], 2)) }, Fetches = { Fetch(4) } })),
            (StatusCode.NotFound, "TENSOR_NOT_FOUND", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { x, Feed(8, new V1.Tensor { Handle = "tensors/99" }) }, Fetches = { Fetch(4) } })),
            (StatusCode.NotFound, "VALUE_NOT_FOUND", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { x }, Fetches = { Fetch(4), Fetch(99) } })),
            (StatusCode.OutOfRange, "INDEX_OUT_OF_RANGE", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { Feed(8, Ints(0, 4)) }, Fetches = { Fetch(9) } })),
            (StatusCode.FailedPrecondition, "VARIABLE_NOT_SET", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Fetches = { Fetch(10) } })),
            (StatusCode.FailedPrecondition, "NON_FINITE_VALUE", async () => await sessions.ForwardAsync(new V1.ForwardRequest { Session = s, Feeds = { Feed(3, Vector(1, 0, 1, 1)) }, Fetches = { Fetch(6) }, CheckFinite = true, Gradients = true, Roots = { 7UL } })),
            (StatusCode.FailedPrecondition, "NON_FINITE_VALUE", async () => await sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Feeds = { Feed(3, Vector(1, 0, 1, 1)) }, Roots = { Root(7) }, CheckFinite = true, Mode = V1.GradientMode.Accumulate })),
            (StatusCode.FailedPrecondition, "COTANGENT_REQUIRED", async () => await sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Feeds = { x }, Roots = { Root(4) } })),
            (StatusCode.InvalidArgument, "SHAPE_MISMATCH", async () => await sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Feeds = { x }, Roots = { new V1.Root { Value = 4, Cotangent = Vector(1, 2) } } })),
            (StatusCode.NotFound, "RUN_NOT_FOUND", async () => await sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Run = "runs/99", Roots = { new V1.Root { Value = 4, Cotangent = Vector(1, 2, 3, 4) } } })),
            (StatusCode.FailedPrecondition, "RUN_RELEASED", async () => await sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Run = run, Roots = { Root(5) } })),
            (StatusCode.InvalidArgument, "SHAPE_MISMATCH", async () => await server.SetAsync(s, (2, Vector(1, 2, 3, 4)), (1, Vector(1)))),
            (StatusCode.Aborted, "VERSION_CONFLICT", async () => await sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = s, Updates = { new V1.VariableUpdate { Variable = 2, Tensor = Vector(1, 2, 3, 4) }, new V1.VariableUpdate { Variable = 1, Tensor = Vector(1, 2, 3, 4), ExpectedVersion = 7 } } })),
            (StatusCode.InvalidArgument, "INVALID_FIELD", async () => await sessions.ApplyGradientsAsync(new V1.ApplyGradientsRequest { Session = s, Optimizer = new V1.Optimizer { Sgd = new V1.Sgd { LearningRate = double.NaN } } })),
            (StatusCode.FailedPrecondition, "VARIABLE_NOT_SET", async () => await sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = s, Variables = { 1UL, 2UL } })),
            (StatusCode.InvalidArgument, "CHUNK_OUT_OF_ORDER", async () => await UploadAsync(server, s, 8, (4, new byte[4]))),
            (StatusCode.InvalidArgument, "CONTENT_SIZE_MISMATCH", async () => await UploadAsync(server, s, 8, (0, new byte[16]))),
            (StatusCode.InvalidArgument, "CONTENT_SIZE_MISMATCH", async () => await UploadAsync(server, s, 8, (0, new byte[64]))),
            (StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED", async () => await UploadAsync(server, s, 32 << 20)),
            (StatusCode.NotFound, "TENSOR_NOT_FOUND", async () => await DownloadAsync(server, new V1.DownloadTensorRequest { Session = s, Handle = "tensors/99" })),
            (StatusCode.FailedPrecondition, "GRADIENT_ABSENT", async () => await DownloadAsync(server, new V1.DownloadTensorRequest { Session = s, Gradient = 1 })),
            (StatusCode.InvalidArgument, "SHAPE_MISMATCH", async () => await server.Main.Evaluation.EvaluateAsync(Evaluation(Vector(1, 2, 3)))),
            (StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED", async () => await server.Main.Evaluation.EvaluateAsync(Bomb(4))),
            (StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE", async () => await server.Main.Evaluation.EvaluateAsync(Bomb(3))),
        ];

        foreach (var (i, (code, reason, call)) in failures.Index())
        {
            var e = await Record.ExceptionAsync(call);
            var status = (e as RpcException)?.StatusCode ?? StatusCode.OK;
            Assert.True(status == code && Reason((RpcException)e!) == reason, $"{i}: {code} {reason} was expected; {e?.ToString() ?? "success"} came.");
            await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == before, () => $"after {reason}: {string.Join(", ", server.Host.Pool.Ledger())}");
        }

        var info = (await sessions.GetSessionAsync(new V1.GetSessionRequest { Name = s })).Session;
        Assert.Equal((13UL, 0UL, 16UL), (info.NodeCount, info.RunCount, info.HeldBytes));
        await server.DeleteAsync(s);
        await server.EmptyAsync();
    }

    private static V1.Tensor Ints(params long[] values) =>
        new() { DataType = V1.DataType.Int64, Shape = { values.Length }, Raw = ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<long>(values)) };

    private static V1.Node IntInput(ulong id, long length)
    {
        var node = Input(id, length);
        node.Attributes[0].Type.DataType = V1.DataType.Int64;
        return node;
    }

    private static V1.EvaluateRequest Evaluation(V1.Tensor fed) => new()
    {
        Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, 4), Sum(2, 1) } } },
        Feeds = { Feed(1, fed) },
        Roots = { Root(2) },
        Wrt = { 1UL },
    };

    /// <summary>[2¹⁷, 1] + [1, 2¹⁷]: a small request for 64 GiB.</summary>
    private static V1.EvaluateRequest Bomb(ulong fetch) => new()
    {
        Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, 1 << 17, 1), Input(2, 1, 1 << 17), Node(3, "Add", 1, 2), Sum(4, 3) } } },
        Feeds = { Feed(1, Tensor(new float[1 << 17], 1 << 17, 1)), Feed(2, Tensor(new float[1 << 17], 1, 1 << 17)) },
        Fetches = { Fetch(fetch) },
    };

    private static async Task UploadAsync(ProofServer server, string session, long length, params (ulong Offset, byte[] Data)[] chunks)
    {
        using var call = server.Main.Tensors.UploadTensor();
        await Streams.SendAsync(call.RequestStream, [
            new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Float32, Shape = { length } } },
            .. chunks.Select(c => new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Offset = c.Offset, Data = ByteString.CopyFrom(c.Data) } }),
        ]);
        await call;
    }

    private static async Task DownloadAsync(ProofServer server, V1.DownloadTensorRequest request)
    {
        using var call = server.Main.Tensors.DownloadTensor(request);
        await call.ResponseStream.MoveNext(CancellationToken.None);
    }
}
