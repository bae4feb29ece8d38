using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class EvaluateTests
{
    /// <summary>The tutorial: mean((w x + b − y)²) at w = 2, b = 1 is 50/3, dw = −52/3, db = −8.</summary>
    [Fact]
    public async Task Gives_value_and_gradients_in_one_round_trip()
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.Evaluation.EvaluateAsync(Regression());
        Assert.Equal(50.0 / 3, Elements(reply.Values[0].Tensor)[0], 1e-12);
        Assert.Equal([1, 2], reply.Gradients.Select(g => g.Value));
        Assert.Equal(-52.0 / 3, Elements(reply.Gradients[0].Tensor)[0], 1e-12);
        Assert.Equal(-8.0, Elements(reply.Gradients[1].Tensor)[0], 1e-12);
        Assert.Matches("^[0-9a-f]{32}$", reply.TraceId);
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    internal static V1.EvaluateRequest Regression() => new()
    {
        Graph = new V1.GraphSource
        {
            Graph = new V1.Graph
            {
                Nodes =
                {
                    Variable(1), Variable(2), Input(3, 3), Input(4, 3),
                    Node(5, "Mul", 1, 3), Node(6, "Add", 5, 2), Node(7, "Sub", 6, 4), Node(8, "Mul", 7, 7), Node(9, "ReduceMean", 8).With("keepdims", 0),
                },
            },
        },
        Feeds = { Feed(1, Tensor([2])), Feed(2, Tensor([1])), Feed(3, Tensor([1, 2, 3], 3)), Feed(4, Tensor([6, 9, 12], 3)) },
        Fetches = { Fetch(9) },
        Roots = { Root(9) },
    };
}

internal static class NodeExtensions
{
    public static V1.Node With(this V1.Node node, string name, long value)
    {
        node.Attributes.Add(new V1.Attribute { Name = name, IntValue = value });
        return node;
    }
}
