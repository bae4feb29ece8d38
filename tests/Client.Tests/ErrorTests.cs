using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client.Tests;

public sealed class ErrorTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public void AnImpossibleShapeIsRaisedAtItsLineWithoutAServer()
    {
        var graph = new Graph();
        var a = graph.Input<float>("a", 2, 3);
        var b = graph.Input<float>("b", 4, 5);

        var error = Assert.Throws<ShapeMismatchException>(() => a.MatMul(b));

        Assert.True(error.IsLocal);
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.Equal("SHAPE_MISMATCH", error.Reason);
        Assert.Equal("MatMul", error.Op);
        Assert.Equal("float32[2, 3], float32[4, 5]", error.Shapes);
        Assert.Null(error.TraceId);
    }

    [Fact]
    public void TypesAndAttributesAreCheckedWhereTheNodeIsMade()
    {
        var graph = new Graph();
        var x = graph.Input<float>("x", 3);
        var indices = graph.Input<long>("i", 3);
        Assert.Throws<DataTypeMismatchException>(() => x + indices);
        Assert.Equal("UNKNOWN_ATTRIBUTE", Assert.Throws<GradientsClientException>(() => graph.Op("Relu", [x], ("alpha", 1.0))).Reason);
        Assert.Equal("OP_UNSUPPORTED", Assert.Throws<GradientsClientException>(() => graph.Op("Relux", [x])).Reason);
        Assert.Equal("INPUT_COUNT_MISMATCH", Assert.Throws<GradientsClientException>(() => graph.Op("Add", [x])).Reason);
        Assert.Equal("VALUE_NOT_FOUND", Assert.Throws<GradientsClientException>(() => x + new Graph().Input<float>("y", 3)).Reason);
        Assert.Throws<ShapeMismatchException>(() => graph.Input<float>("y", -1));
    }

    [Fact]
    public async Task AnErrorOfTheServerNamesNodeOpAndShapes()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Input<float>("x", "n");
        var sum = (x + session.Constant(new float[] { 1, 2, 3 })).Named("sum");

        var error = await Assert.ThrowsAsync<ShapeMismatchException>(() => sum.ValueAsync(new Feeds { [x] = new float[] { 1, 2 } }));

        Assert.False(error.IsLocal);
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.Equal(sum.Id, error.NodeId);
        Assert.Equal("sum", error.NodeLabel);
        Assert.Equal("Add", error.Op);
        Assert.Equal("float32[2], float32[3]", error.Shapes);
        Assert.Matches("^[0-9a-f]{32}$", error.TraceId);
        Assert.Equal(new[] { 2f, 3f, 4f }, (await sum.ValueAsync(new Feeds { [x] = new float[] { 1, 1, 1 } })).ToArray<float>());
    }

    [Fact]
    public async Task AFeedIsHeldAgainstTheDeclaredTypeBeforeItIsSent()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var x = session.Input<float>("x", "n", 2);
        var y = x * 2;
        var shape = await Assert.ThrowsAsync<ShapeMismatchException>(() => y.ValueAsync(new Feeds { [x] = new float[,] { { 1, 2, 3 } } }));
        Assert.True(shape.IsLocal);
        Assert.Equal("x", shape.NodeLabel);
        await Assert.ThrowsAsync<DataTypeMismatchException>(() => y.ValueAsync(new Feeds { [x] = new double[,] { { 1, 2 } } }));
        Assert.Equal("FEED_MISSING", (await Assert.ThrowsAsync<GradientsClientException>(() => y.ValueAsync())).Reason);
    }

    [Fact]
    public async Task AVariableThatWasNeverSetAndAVersionThatMovedAreRefused()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", DataType.Float32, 2);
        Assert.Equal("VARIABLE_NOT_SET", (await Assert.ThrowsAsync<GradientsClientException>(() => (w * 2).ValueAsync())).Reason);
        Assert.Equal(1UL, await session.SetAsync(w, new float[] { 1, 2 }, expectedVersion: 0));
        Assert.Equal("VERSION_CONFLICT", (await Assert.ThrowsAsync<GradientsClientException>(() => session.SetAsync(w, new float[] { 3, 4 }, expectedVersion: 0))).Reason);
        Assert.Equal(new[] { 1f, 2f }, (await session.GetAsync(w)).ToArray<float>());
    }

    [Fact]
    public async Task ADeletedSessionIsToldByItsOwnException()
    {
        var session = await server.Client.CreateSessionAsync();
        var x = session.Constant(1f);
        await x.ValueAsync();
        using (var channel = Grpc.Net.Client.GrpcChannel.ForAddress(server.Address))
            await new V1.SessionService.SessionServiceClient(channel).DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session.Name });
        await Assert.ThrowsAsync<SessionEndedException>(() => session.GetInfoAsync());
        await Assert.ThrowsAsync<SessionEndedException>(() => (x * 2).ValueAsync());
        await session.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => x.ValueAsync());
    }

    [Fact]
    public async Task CancelledBeforeItIsSentNothingHappens()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", 1f);
        var cancelled = new CancellationToken(true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.SetAsync(w, 2f, cancellationToken: cancelled));
        Assert.Equal(1f, (await session.GetAsync(w)).Item<float>());
    }
}
