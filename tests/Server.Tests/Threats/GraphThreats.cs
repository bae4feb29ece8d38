using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;
using static Gradients.Server.Tests.Threats.ShapeThreats;

namespace Gradients.Server.Tests.Threats;

/// <summary>The table of threats: graphs that are too many, too deep, circular or that grow.</summary>
public sealed class GraphThreats
{
    [Fact]
    public async Task More_nodes_than_allowed_are_refused_before_they_exist()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxNodesPerRequest = 1000, SessionMaxNodes = 1500 });
        var session = await server.OpenAsync();
        await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", () => DefineAsync(1, 1001));
        await DefineAsync(1, 1000);
        await RefusedAsync(StatusCode.ResourceExhausted, "SESSION_QUOTA", () => DefineAsync(1001, 501));
        Assert.Equal(1000UL, (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.NodeCount);

        async Task DefineAsync(int first, int count) =>
            await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Enumerable.Range(first, count).Select(i => Input((ulong)i, 1)) } });
    }

    [Fact]
    public async Task Cycles_and_forward_references()
    {
        await using var server = await TestServer.StartAsync();
        await RefusedAsync(StatusCode.InvalidArgument, "GRAPH_CYCLE", () => EvaluateAsync(server, [Input(1, 1), Node(2, "Neg", 2)], Tensor([1], 1)));
        await RefusedAsync(StatusCode.InvalidArgument, "GRAPH_CYCLE", () => EvaluateAsync(server, [Input(1, 1), Node(2, "Neg", 3), Node(3, "Neg", 2)], Tensor([1], 1)));
    }

    /// <summary>d/dx of a chain of 20,000 negations is 1; 100,000 nodes are in the integration tests' LongChainTests.</summary>
    [Fact]
    public async Task A_deep_chain_works()
    {
        await using var server = await TestServer.StartAsync();
        const int Depth = 20_000;
        var nodes = Enumerable.Range(2, Depth).Select(i => Node((ulong)i, "Neg", (ulong)i - 1)).Prepend(Input(1));
        var reply = await server.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { nodes } } },
            Feeds = { Feed(1, Tensor([3])) },
            Roots = { Root(Depth + 1) },
            Wrt = { 1 },
        });
        Assert.Equal([1], Elements(reply.Gradients[0].Tensor));
    }

    [Fact]
    public async Task A_function_that_calls_itself()
    {
        await using var server = await TestServer.StartAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => EvaluateAsync(server, [Input(1, 1), Node(2, "f", 1)], Tensor([1], 1), functions: [Function("f", "f")]));
        Assert.Contains(error.StatusCode, new[] { StatusCode.InvalidArgument, StatusCode.Unimplemented });
    }

    /// <summary>Each function calls the one before it ten times: 10ᵏ nodes from 10·k.</summary>
    [Fact]
    public async Task A_billion_laughs()
    {
        await using var server = await TestServer.StartAsync();
        var functions = Enumerable.Range(0, 12).Select(i => Function($"f{i}", i == 0 ? "Neg" : $"f{i - 1}", calls: 10)).ToArray();
        await RefusedAsync(StatusCode.ResourceExhausted, "COMPUTE_QUOTA", () => EvaluateAsync(server, [Input(1, 1), Node(2, "f11", 1)], Tensor([1], 1), functions: functions));
    }

    [Fact]
    public async Task Calls_nest_at_most_16_deep()
    {
        await using var server = await TestServer.StartAsync();
        var functions = Enumerable.Range(0, 17).Select(i => Function($"f{i}", i == 0 ? "Neg" : $"f{i - 1}")).ToArray();
        await EvaluateAsync(server, [Input(1, 1), Node(2, "f15", 1)], Tensor([1], 1), functions: functions[..16]);
        await RefusedAsync(StatusCode.ResourceExhausted, "COMPUTE_QUOTA", () => EvaluateAsync(server, [Input(1, 1), Node(2, "f16", 1)], Tensor([1], 1), functions: functions));
    }

    private static V1.Function Function(string name, string called, int calls = 1) => new()
    {
        Name = name,
        Parameters = { 1 },
        Nodes = { Enumerable.Range(2, calls).Select(i => Node((ulong)i, called, (ulong)i - 1)) },
        Outputs = { (ulong)calls + 1 },
    };
}
