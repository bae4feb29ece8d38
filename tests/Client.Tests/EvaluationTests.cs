using Grpc.Net.Client;

namespace Gradients.Client.Tests;

/// <summary>Evaluations without a session: by digest, as text, on a stream.</summary>
public sealed class EvaluationTests(TestServer server) : IClassFixture<TestServer>
{
    private const int Large = 2 << 20;

    [Fact]
    public async Task AStoredGraphIsEvaluatedByItsName()
    {
        using var channel = GrpcChannel.ForAddress(server.Address);
        var graphs = new V1.GraphService.GraphServiceClient(channel);
        var (graph, loss, w, b, feeds) = Regression();
        var name = await server.Client.StoreAsync(graph);
        await CheckAsync();

        // Forgotten at the server: it gets the graph again.
        await graphs.DeleteGraphAsync(new V1.DeleteGraphRequest { Name = name });
        await CheckAsync();
        Assert.Equal(name, (await graphs.GetGraphAsync(new V1.GetGraphRequest { Name = name, InfoOnly = true })).Info.Name);

        async Task CheckAsync()
        {
            var result = await server.Client.EvaluateAsync(graph, [loss], [new Root(loss)], [w, b], feeds);
            Assert.Equal(50.0 / 3, result.Value(loss).Item<double>(), 1e-12);
            Assert.Equal(-52.0 / 3, result[w].Item<double>(), 1e-12);
            Assert.Equal(-8.0, result[b].Item<double>(), 1e-12);
        }
    }

    [Fact]
    public async Task AGraphThatGrowsIsSentAsItIs()
    {
        var (graph, loss, _, _, feeds) = Regression();
        await server.Client.StoreAsync(graph);
        var twice = loss * 2;
        Assert.Equal(100.0 / 3, (await server.Client.EvaluateAsync(graph, [twice], feeds: feeds)).Value(twice).Item<double>(), 1e-12);
    }

    [Fact]
    public async Task AnExpressionNeedsNoNodes()
    {
        var values = new Dictionary<string, TensorData> { ["w"] = 2.0, ["b"] = 1.0, ["x"] = new double[] { 1, 2, 3 }, ["y"] = new double[] { 6, 9, 12 }, ["n"] = 7L };
        var result = await server.Client.EvaluateAsync("mean((w*x + b - y)**2)", values, wrt: ["w", "b"]);
        Assert.Equal(50.0 / 3, result.Value.ToDouble(), 1e-12);
        Assert.Equal(-52.0 / 3, result["w"].ToDouble(), 1e-12);
        Assert.Equal(-8.0, result["b"].ToDouble(), 1e-12);
        Assert.Throws<KeyNotFoundException>(() => result["x"]);
        Assert.Equal(new[] { 3.0, 5.0, 7.0 }, (await server.Client.EvaluateAsync("w*x + b", values)).Value.ToArray<double>());
        Assert.True((await server.Client.EvaluateAsync("sum(x)", values, wrt: ["w"])).IsAbsent("w"));
    }

    [Fact]
    public async Task AFaultInAnExpressionIsLocated()
    {
        var values = new Dictionary<string, TensorData> { ["x"] = 2.0 };
        var e = await Assert.ThrowsAsync<GradientsClientException>(() => server.Client.EvaluateAsync("x\n + oops", values));
        Assert.Equal(("EXPRESSION_SYNTAX", "2"), (e.Reason, e.Metadata["line"]));
        await Assert.ThrowsAsync<ArgumentException>(() => server.Client.EvaluateAsync("x", values, wrt: ["z"]));
    }

    [Fact]
    public async Task ManyEvaluationsAreUnderWayOnOneStream()
    {
        var graph = new Graph();
        var x = graph.Input<double>("x");
        var y = x * x;
        await server.Client.StoreAsync(graph);
        await using var stream = await server.Client.OpenEvaluationStreamAsync();
        var results = Enumerable.Range(0, 500).Select(i => stream.EvaluateAsync(graph, [y], [new Root(y)], [x], new Feeds { [x] = (double)i })).ToArray();
        var bad = stream.EvaluateAsync(graph, [y]);
        Assert.Equal("FEED_MISSING", (await Assert.ThrowsAsync<GradientsClientException>(() => bad)).Reason);
        for (var i = 0; i < results.Length; i++)
        {
            var result = await results[i];
            Assert.Equal(((double)i * i, 2.0 * i), (result.Value(y).Item<double>(), result[x].Item<double>()));
        }
    }

    [Fact]
    public async Task LargeTensorsTravelInChunksOnAStream()
    {
        var graph = new Graph();
        var x = graph.Input<double>("x", "n");
        var y = -x;
        await using var stream = await server.Client.OpenEvaluationStreamAsync();
        var elements = Enumerable.Range(0, Large).Select(i => (double)i).ToArray();
        for (var i = 0; i < 2; i++)
        {
            var result = await stream.EvaluateAsync(graph, [y], feeds: new Feeds { [x] = elements });
            Assert.True(result.Value(y).AsSpan<double>().SequenceEqual(elements.Select(e => -e).ToArray()));
        }
    }

    [Fact]
    public async Task AGraphThatTheServerForgotIsSentOnTheStream()
    {
        var graph = new Graph();
        var x = graph.Input<double>("x");
        var y = x - 17.25;
        var name = await server.Client.StoreAsync(graph);
        using var channel = GrpcChannel.ForAddress(server.Address);
        await new V1.GraphService.GraphServiceClient(channel).DeleteGraphAsync(new V1.DeleteGraphRequest { Name = name });
        await using var stream = await server.Client.OpenEvaluationStreamAsync();
        Assert.Equal(0.75, (await stream.EvaluateAsync(graph, [y], feeds: new Feeds { [x] = 18.0 })).Value(y).Item<double>());
    }

    [Fact]
    public async Task WhatWaitsIsSentAgainWhenTheConnectionIsCut()
    {
        await using var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        var graph = new Graph();
        var x = graph.Input<double>("x", "n");
        var y = -x;
        await using var stream = await client.OpenEvaluationStreamAsync();
        await stream.EvaluateAsync(graph, [y], feeds: new Feeds { [x] = new[] { 1.0 } });
        for (var cut = 0; cut < 3; cut++)
        {
            proxy.SwallowReplies();
            var large = Enumerable.Range(cut, Large).Select(i => (double)i).ToArray();
            var results = Enumerable.Range(0, 20).Select(i => stream.EvaluateAsync(graph, [y], feeds: new Feeds { [x] = new[] { i + 0.5 } })).ToArray();
            var chunked = stream.EvaluateAsync(graph, [y], feeds: new Feeds { [x] = large });
            proxy.Cut();
            for (var i = 0; i < results.Length; i++)
                Assert.Equal(-(i + 0.5), (await results[i]).Value(y).AsSpan<double>()[0]);
            Assert.True((await chunked).Value(y).AsSpan<double>().SequenceEqual(large.Select(e => -e).ToArray()));
        }
    }

    [Fact]
    public async Task WhatWaitsFailsWhenTheConnectionIsCutAndNoTimeIsLeft()
    {
        await using var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        var (graph, loss, _, _, feeds) = Regression();
        var stream = await client.OpenEvaluationStreamAsync(reconnectTimeout: TimeSpan.Zero);
        await stream.EvaluateAsync(graph, [loss], feeds: feeds);
        proxy.SwallowReplies();
        var waiting = stream.EvaluateAsync(graph, [loss], feeds: feeds);
        proxy.Cut();
        Assert.Equal("CONNECTION_LOST", (await Assert.ThrowsAsync<GradientsClientException>(() => waiting)).Reason);
        await stream.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.EvaluateAsync(graph, [loss], feeds: feeds));
    }

    private static (Graph Graph, Node Loss, Variable W, Variable B, Feeds Feeds) Regression()
    {
        var graph = new Graph();
        var x = graph.Input<double>("x", "batch");
        var y = graph.Input<double>("y", "batch");
        var w = graph.Variable("w", 2.0);
        var b = graph.Variable("b", 1.0);
        var loss = ((w * x) + b - y).Pow(2).Mean();
        return (graph, loss, w, b, new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } });
    }
}
