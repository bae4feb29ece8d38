using Gradients.Client;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>x ← c·x + d, n = 50,000 times over 1,024 floats: x_n = cⁿ·x₀ + d·(cⁿ − 1)/(c − 1) and ∂Σx_n/∂x₀ = cⁿ.</summary>
[Collection(nameof(Alone))]
public sealed class LongChainTests
{
    private const int Steps = 50_000;
    private const int Width = 1024;
    private const float C = 1.00001f;
    private const float D = 1e-6f;

    /// <summary>n roundings of at most 2⁻²⁴ each; the value takes two a step.</summary>
    private static readonly double _relative = Math.Exp(Steps * Math.Pow(2, -24)) - 1;

    private static readonly double _power = Math.Pow(C, Steps);

    [Fact]
    public async Task A_chain_of_100_000_nodes_is_defined_and_differentiated_in_a_session()
    {
        await using var server = await ProofServer.StartAsync();
        await using var client = server.ConnectClient();
        await using (var session = await client.CreateSessionAsync())
        {
            var start = Start();
            var x = session.Variable("x", start);
            var (c, d) = (session.Constant(C), session.Constant(D));
            Node y = x;
            for (var i = 0; i < Steps; i++)
                y = (y * c) + d;
            var result = await session.BackwardAsync(y.Sum(), [x], fetch: [y]);
            Check(start, result.Value(y).ToArray<float>(), result[x].ToArray<float>());
            Assert.True((await session.GetInfoAsync()).NodeCount >= 2 * Steps);
        }

        await server.EmptyAsync();
    }

    [Fact]
    public async Task A_chain_of_100_000_nodes_is_evaluated_in_one_message()
    {
        await using var server = await ProofServer.StartAsync();
        var graph = new V1.Graph { Nodes = { Input(1, Width), Constant(2, Scalar(C)), Constant(3, Scalar(D)) } };
        var (last, next) = (1UL, 4UL);
        for (var i = 0; i < Steps; i++)
        {
            graph.Nodes.Add(Node(next, "Mul", last, 2));
            graph.Nodes.Add(Node(next + 1, "Add", next, 3));
            (last, next) = (next + 1, next + 2);
        }

        graph.Nodes.Add(Sum(next, last));
        var start = Start();
        var request = new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = graph },
            Feeds = { Feed(1, Vector(start)) },
            Fetches = { Fetch(last) },
            Roots = { Root(next) },
            Wrt = { 1UL },
        };
        Assert.True(request.CalculateSize() < 4 << 20);
        var reply = await server.Main.Evaluation.EvaluateAsync(request);
        Check(start, Floats(reply.Values[0].Tensor), Floats(reply.Gradients[0].Tensor));
        await server.EmptyAsync();
    }

    private static float[] Start() => [.. Enumerable.Range(0, Width).Select(i => 1 + (i / 1024f))];

    private static void Check(float[] start, float[] values, float[] gradient)
    {
        Assert.Equal((Width, Width), (values.Length, gradient.Length));
        for (var i = 0; i < Width; i++)
        {
            var expected = (_power * start[i]) + (D * (_power - 1) / (C - 1.0));
            Assert.Equal(expected, values[i], 2 * _relative * expected);
            Assert.Equal(_power, gradient[i], _relative * _power);
        }
    }
}
