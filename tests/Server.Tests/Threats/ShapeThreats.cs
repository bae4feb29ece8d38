using Google.Protobuf;
using Google.Rpc;
using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Threats;

/// <summary>
/// The table of threats, one test a row: shapes, contents and indices. Rows about disks and journals belong to durable
/// sessions; the row of wrong credentials is tested with authentication.
/// </summary>
public sealed class ShapeThreats
{
    public static TheoryData<long[], string> BadShapes => new()
    {
        { [1L << 32, 1L << 32], "SHAPE_MISMATCH" },
        { [-1], "SHAPE_MISMATCH" },
        { [long.MinValue], "SHAPE_MISMATCH" },
        { [1, 1, 1, 1, 1, 1, 1, 1, 1], "SHAPE_MISMATCH" },
        { [3], "CONTENT_SIZE_MISMATCH" },
    };

    [Theory]
    [MemberData(nameof(BadShapes))]
    public async Task Overflowing_negative_deep_and_untrue_shapes(long[] shape, string reason)
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session);
        request.Feeds[0].Tensor = new V1.Tensor { DataType = V1.DataType.Float64, Shape = { shape }, Raw = ByteString.CopyFrom(new byte[16]) };
        await RefusedAsync(StatusCode.InvalidArgument, reason, async () => await server.Sessions.BackwardAsync(request));
    }

    [Fact]
    public async Task Zero_size_dimensions_are_legal()
    {
        await using var server = await TestServer.StartAsync();
        var reply = await EvaluateAsync(server, [Input(1, 0, 3), Node(2, "Neg", 1)], new V1.Tensor { DataType = V1.DataType.Float64, Shape = { 0, 3 }, Raw = ByteString.Empty });
        Assert.Equal([0, 3], reply.Values[0].Tensor.Shape);
    }

    [Fact]
    public async Task Another_type_an_unknown_attribute_and_an_unknown_op()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session);
        request.Feeds[0].Tensor = new V1.Tensor { DataType = V1.DataType.Float32, Shape = { 2 }, Raw = ByteString.CopyFrom(new byte[8]) };
        await RefusedAsync(StatusCode.InvalidArgument, "DATA_TYPE_MISMATCH", async () => await server.Sessions.BackwardAsync(request));
        await RefusedAsync(StatusCode.InvalidArgument, "UNKNOWN_ATTRIBUTE", () => EvaluateAsync(server, [Input(1, 1), Node(2, "Neg", 1).With("colour", 1)], Tensor([1], 1)));
        await RefusedAsync(StatusCode.Unimplemented, "OP_UNSUPPORTED", () => EvaluateAsync(server, [Input(1, 1), Node(2, "Shell", 1)], Tensor([1], 1)));
    }

    /// <summary>[2·10⁵, 1] + [1, 2·10⁵] is 320 GB from 3.2 MB.</summary>
    [Fact]
    public async Task A_broadcast_bomb()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Input(1, 200_000, 1), Input(2, 1, 200_000), Node(3, "Add", 1, 2) } });
        var highest = server.Host.Pool.HighWaterBytes;
        var request = new V1.ForwardRequest { Session = session, Feeds = { Feed(1, Tensor(new double[200_000], 200_000, 1)), Feed(2, Tensor(new double[200_000], 1, 200_000)) }, Fetches = { new V1.Fetch { Value = 3, AsHandle = true } } };
        await RefusedAsync(StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED", async () => await server.Sessions.ForwardAsync(request));
        Assert.InRange(server.Host.Pool.HighWaterBytes - highest, 0, 4 << 20);
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    /// <summary>Twenty products of 512 × 512 matrices from one number: 5·10⁹ operations.</summary>
    [Fact]
    public async Task A_small_request_of_many_operations()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxFlopsPerRequest = 1e9 });
        await RefusedAsync(StatusCode.ResourceExhausted, "COMPUTE_QUOTA", () => EvaluateAsync(server, [.. Slow.Nodes(1)], Tensor([1]), fetch: 24));
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    [Theory]
    [InlineData(2L)]
    [InlineData(-3L)]
    [InlineData((long)int.MinValue)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public async Task An_index_out_of_range(long index)
    {
        await using var server = await TestServer.StartAsync();
        var constant = new V1.Node { Id = 2, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = new V1.Tensor { DataType = V1.DataType.Int64, Shape = { 1 }, Raw = ByteString.CopyFrom(BitConverter.GetBytes(index)) } } } };
        await RefusedAsync(StatusCode.OutOfRange, "INDEX_OUT_OF_RANGE", () => EvaluateAsync(server, [Input(1, 2), constant, Node(3, "Gather", 1, 2)], Tensor([1, 2], 2), fetch: 3));
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    /// <summary>NaN flows through as IEEE 754 has it; a check that was asked for names the node, and parameters stay.</summary>
    [Fact]
    public async Task NaN_and_infinity()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session, V1.GradientMode.Accumulate);
        request.Feeds[0].Tensor = Tensor([double.NaN, double.PositiveInfinity], 2);
        request.CheckFinite = true;
        var status = await RefusedAsync(StatusCode.FailedPrecondition, "NON_FINITE_VALUE", async () => await server.Sessions.BackwardAsync(request));
        Assert.Equal("3", status.GetDetail<ErrorInfo>().Metadata["node"]);
        Assert.Equal("absent", await GradientTextAsync(server, session));
        request.CheckFinite = false;
        await server.Sessions.BackwardAsync(request);
        Assert.Equal($"{double.NaN} {double.PositiveInfinity}", await GradientTextAsync(server, session));
    }

    internal static async Task<V1.EvaluateResponse> EvaluateAsync(TestServer server, V1.Node[] nodes, V1.Tensor feed, ulong fetch = 2, V1.Function[]? functions = null) =>
        await server.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { nodes }, Functions = { functions ?? [] } } },
            Feeds = { Feed(1, feed) },
            Fetches = { Fetch(fetch) },
        });
}
