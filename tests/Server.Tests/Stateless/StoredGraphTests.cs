using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Server.Tests.Tenants;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Stateless;

public sealed class StoredGraphTests
{
    /// <summary>The tutorial: mean((w x + b − y)²) at w = 2, b = 1 is 50/3, dw = −52/3, db = −8.</summary>
    [Fact]
    public async Task A_graph_is_created_once_and_evaluated_by_its_digest()
    {
        await using var server = await TestServer.StartAsync();
        var info = (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = EvaluateTests.Regression().Graph.Graph })).Info;
        Assert.Matches("^graphs/[0-9a-f]{64}$", info.Name);
        Assert.Equal((9UL, 0UL), (info.NodeCount, info.FunctionCount));
        var request = Named(info.Name);
        request.Profile = true;
        foreach (var cached in new[] { false, true })
        {
            var reply = await server.Evaluation.EvaluateAsync(request);
            Assert.Equal(50.0 / 3, Elements(reply.Values[0].Tensor)[0], 1e-12);
            Assert.Equal([1, 2], reply.Gradients.Select(g => g.Value));
            Assert.Equal(-52.0 / 3, Elements(reply.Gradients[0].Tensor)[0], 1e-12);
            Assert.Equal(-8.0, Elements(reply.Gradients[1].Tensor)[0], 1e-12);
            Assert.Equal(cached, reply.Profile.PlanCacheHit);
            Assert.Contains(9UL, reply.Profile.Instructions.SelectMany(i => i.Nodes));
        }

        Assert.Equal(0, server.Host.Pool.RentedCount);
        Assert.Equal((long)info.ByteSize, server.Host.Pool.ChargedBytes);
    }

    /// <summary>Inline and by digest the same plan is used: what is asked is the same.</summary>
    [Fact]
    public async Task The_plan_is_shared_with_requests_that_send_the_graph()
    {
        await using var server = await TestServer.StartAsync();
        await server.Evaluation.EvaluateAsync(EvaluateTests.Regression());
        var compilations = server.Host.Plans.Compilations;
        await server.Evaluation.EvaluateAsync(Named(await CreateAsync(server)));
        Assert.Equal(compilations, server.Host.Plans.Compilations);
    }

    [Fact]
    public async Task The_name_is_that_of_the_content()
    {
        await using var server = await TestServer.StartAsync();
        var graph = EvaluateTests.Regression().Graph.Graph;
        var name = (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph })).Info.Name;
        graph.Nodes[4].Label = "product";
        Assert.Equal(name, (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph })).Info.Name);
        graph.Nodes[4].Op = "Sub";
        Assert.NotEqual(name, (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph })).Info.Name);
    }

    [Fact]
    public async Task What_was_stored_is_read_as_it_was()
    {
        await using var server = await TestServer.StartAsync();
        var graph = EvaluateTests.Regression().Graph.Graph;
        graph.Nodes[2].Attributes[0].Type.Dimensions[0] = new V1.Dimension { Symbol = "batch" };
        graph.Nodes[3].Attributes[0].Type.Dimensions[0] = new V1.Dimension();
        graph.Nodes[4].Label = "w x";
        graph.Nodes.Add(new V1.Node { Id = 10, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = Tensor([1, double.NaN], 2) } } });
        graph.Nodes.Add(new V1.Node { Id = 11, Op = "twice", Inputs = { 10 } });
        graph.Functions.Add(new V1.Function { Name = "half", Parameters = { 1 }, Nodes = { Node(2, "Neg", 1) }, Outputs = { 2 } });
        graph.Functions.Add(new V1.Function { Name = "twice", Parameters = { 1 }, Nodes = { Node(2, "Add", 1, 1) }, Outputs = { 2 }, Gradient = new V1.CustomGradient { Function = "half" } });
        var name = (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph })).Info.Name;
        var read = await server.Graphs.GetGraphAsync(new V1.GetGraphRequest { Name = name });
        Assert.Equal(graph, read.Graph);
        Assert.Equal((name, 11UL, 2UL), (read.Info.Name, read.Info.NodeCount, read.Info.FunctionCount));
        var info = await server.Graphs.GetGraphAsync(new V1.GetGraphRequest { Name = name, InfoOnly = true });
        Assert.Null(info.Graph);
        Assert.Equal(read.Info, info.Info);
    }

    [Fact]
    public async Task Graphs_are_listed_by_name_in_pages()
    {
        await using var server = await TestServer.StartAsync();
        var names = new List<string>();
        for (ulong id = 2; id <= 6; id++)
            names.Add(await CreateAsync(server.Graphs, id));
        names.Sort(StringComparer.Ordinal);
        var listed = new List<string>();
        var request = new V1.ListGraphsRequest { PageSize = 2 };
        do
        {
            var page = await server.Graphs.ListGraphsAsync(request);
            Assert.InRange(page.Graphs.Count, 1, 2);
            listed.AddRange(page.Graphs.Select(g => g.Name));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal(names, listed);
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Graphs.ListGraphsAsync(new V1.ListGraphsRequest { PageSize = -1 }));
    }

    [Fact]
    public async Task A_session_keeps_what_it_defined_from_a_graph_that_is_deleted()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var name = (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = new V1.Graph { Nodes = { Graphs.Define("").Nodes } } })).Info.Name;
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, DigestName = name, Nodes = { Node(5, "Neg", 4) } });
        await server.Sessions.SetVariablesAsync(Graphs.Set(session, 2, 3));
        await server.Graphs.DeleteGraphAsync(new V1.DeleteGraphRequest { Name = name });
        foreach (var call in ByName(server, name, session))
            await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", call);
        var backward = Graphs.Backward(session);
        backward.Roots[0].Value = 5;
        var reply = await server.Sessions.BackwardAsync(backward);
        Assert.Equal([-5.0, -7.0], Elements(reply.Gradients[0].Tensor));
    }

    /// <summary>A foreign graph and one that never was are refused in the same words.</summary>
    [Fact]
    public async Task A_tenant_sees_its_own_graphs_only()
    {
        await using var server = await TestServer.StartAsync();
        TestTenant a = new(server, "a"), b = new(server, "b");
        var name = await CreateAsync(a.Graphs, 2);
        var foreign = await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", async () => await b.Evaluation.EvaluateAsync(Named(name)));
        var unknown = await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", async () => await b.Evaluation.EvaluateAsync(Named("graphs/" + new string('0', 64))));
        Assert.Equal(unknown.Message, foreign.Message);
        await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", async () => await b.Graphs.DeleteGraphAsync(new V1.DeleteGraphRequest { Name = name }));
        await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", async () => await b.Graphs.GetGraphAsync(new V1.GetGraphRequest { Name = name }));
        Assert.Empty((await b.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs);
        Assert.Equal([name], (await a.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs.Select(g => g.Name));
    }

    [Fact]
    public async Task A_bad_graph_is_refused_when_it_is_created_and_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var graph = EvaluateTests.Regression().Graph.Graph;
        graph.Nodes[5].Inputs[0] = 77;
        var status = await RefusedAsync(StatusCode.NotFound, "VALUE_NOT_FOUND", async () => await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph }));
        var metadata = status.GetDetail<ErrorInfo>().Metadata;
        Assert.Equal(("6", "Add"), (metadata["node"], metadata["op"]));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest()));
        graph = new V1.Graph { Nodes = { new V1.Node { Id = 1, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = new V1.Tensor { Handle = "tensors/1" } } } } } };
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph }));
        Assert.Empty((await server.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs);
        Assert.Equal(0, server.Host.Pool.ChargedBytes);
    }

    [Fact]
    public async Task An_error_of_a_stored_graph_names_its_node()
    {
        await using var server = await TestServer.StartAsync();
        var request = Named(await CreateAsync(server));
        request.Feeds[0] = Feed(1, Tensor([double.NaN]));
        request.CheckFinite = true;
        var status = await RefusedAsync(StatusCode.FailedPrecondition, "NON_FINITE_VALUE", async () => await server.Evaluation.EvaluateAsync(request));
        Assert.Equal("5", status.GetDetail<ErrorInfo>().Metadata["node"]);
        request.Feeds.RemoveAt(2);
        status = await RefusedAsync(StatusCode.InvalidArgument, "FEED_MISSING", async () => await server.Evaluation.EvaluateAsync(request));
        Assert.Equal("3", status.GetDetail<ErrorInfo>().Metadata["node"]);
    }

    [Fact]
    public async Task The_graph_used_longest_ago_makes_room()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxGraphs = 2 });
        var first = await CreateAsync(server.Graphs, 2);
        var second = await CreateAsync(server.Graphs, 3);
        await server.Evaluation.EvaluateAsync(Negation(first, 2));
        await CreateAsync(server.Graphs, 4);
        await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", async () => await server.Evaluation.EvaluateAsync(Negation(second, 3)));
        await server.Evaluation.EvaluateAsync(Negation(first, 2));
        Assert.Equal(second, await CreateAsync(server.Graphs, 3));
    }

    [Fact]
    public async Task Above_the_whole_the_tenant_that_holds_most_loses_first()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxGraphs = 4 });
        TestTenant a = new(server, "a"), b = new(server, "b");
        var small = await CreateAsync(b.Graphs, 2);
        var first = await CreateAsync(a.Graphs, 2);
        for (ulong id = 3; id <= 5; id++)
            await CreateAsync(a.Graphs, id);
        await RefusedAsync(StatusCode.NotFound, "GRAPH_NOT_FOUND", async () => await a.Evaluation.EvaluateAsync(Negation(first, 2)));
        await b.Evaluation.EvaluateAsync(Negation(small, 2));
    }

    [Fact]
    public async Task Graphs_count_to_the_budget_until_they_are_gone()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MemoryBudgetBytes = 1 << 20, GraphStoreBytes = 256 << 10 });
        var constant = new V1.Node { Id = 1, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = Tensor(new double[8192], 8192) } } };
        var graph = new V1.Graph { Nodes = { constant, Node(2, "Neg", 1) } };
        var info = (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph })).Info;
        Assert.Equal((long)info.ByteSize, server.Host.Pool.ChargedBytes);
        Assert.InRange((long)info.ByteSize, 8192 * 8, 256 << 10);
        graph.Nodes[1].Id = 3;
        await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph });
        Assert.Single((await server.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs);
        Assert.Equal((long)info.ByteSize, server.Host.Pool.ChargedBytes);
        constant.Attributes[0].Tensor = Tensor(new double[32768], 32768);
        var status = await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", async () => await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph }));
        Assert.Equal("max_graph_bytes", status.GetDetail<ErrorInfo>().Metadata["limit"]);
        foreach (var g in (await server.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs)
            await server.Graphs.DeleteGraphAsync(new V1.DeleteGraphRequest { Name = g.Name });
        Assert.Equal(0, server.Host.Pool.ChargedBytes);
    }

    [Fact]
    public async Task A_forgotten_tenants_graphs_go_with_it()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxTenants = 1 }, time);
        TestTenant a = new(server, "a"), b = new(server, "b");
        await CreateAsync(a.Graphs, 2);
        await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", () => CreateAsync(b.Graphs, 2));
        time.Advance(TimeSpan.FromMinutes(11));
        Assert.Empty((await b.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs);
        Assert.Equal(0, server.Host.Pool.ChargedBytes);
    }

    /// <summary>f = Σ xᵏ over the powers 1 to 8 of one graph: each request asks for another value and another derivative.</summary>
    [Fact]
    public async Task Many_ways_of_asking_one_graph_at_the_same_time_are_all_answered_right()
    {
        await using var server = await TestServer.StartAsync();
        var graph = new V1.Graph { Nodes = { Variable(1) } };
        for (ulong k = 2; k <= 8; k++)
            graph.Nodes.Add(Node(k, "Mul", k - 1, 1));
        var name = (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = graph })).Info.Name;
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancellation) =>
        {
            var power = (ulong)(2 + (i % 7));
            var x = 1 + (i / 1000.0);
            var request = new V1.EvaluateRequest { Graph = new V1.GraphSource { DigestName = name }, Feeds = { Feed(1, Tensor([x])) }, Fetches = { Fetch(power) }, Roots = { Root(power) } };
            if (i % 2 == 0)
                request.Wrt.Add(1);
            var reply = await server.Evaluation.EvaluateAsync(request, cancellationToken: cancellation);
            Assert.Equal(Math.Pow(x, power), Elements(reply.Values[0].Tensor)[0], 1e-9);
            Assert.Equal(power * Math.Pow(x, power - 1), Elements(reply.Gradients[0].Tensor)[0], 1e-9);
        });
    }

    internal static async Task<string> CreateAsync(TestServer server) =>
        (await server.Graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = EvaluateTests.Regression().Graph.Graph })).Info.Name;

    /// <summary>The regression without its graph.</summary>
    internal static V1.EvaluateRequest Named(string name)
    {
        var request = EvaluateTests.Regression();
        request.Graph = new V1.GraphSource { DigestName = name };
        return request;
    }

    /// <summary>−x under the id.</summary>
    private static async Task<string> CreateAsync(V1.GraphService.GraphServiceClient graphs, ulong id) =>
        (await graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = new V1.Graph { Nodes = { Input(1, 2), Node(id, "Neg", 1) } } })).Info.Name;

    private static V1.EvaluateRequest Negation(string name, ulong id) =>
        new() { Graph = new V1.GraphSource { DigestName = name }, Feeds = { Feed(1, Tensor([1, 2], 2)) }, Fetches = { Fetch(id) } };

    private static Func<Task>[] ByName(TestServer server, string name, string session) =>
    [
        async () => await server.Graphs.GetGraphAsync(new V1.GetGraphRequest { Name = name }),
        async () => await server.Graphs.DeleteGraphAsync(new V1.DeleteGraphRequest { Name = name }),
        async () => await server.Evaluation.EvaluateAsync(Named(name)),
        async () => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, DigestName = name }),
    ];
}
