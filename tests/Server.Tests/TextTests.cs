using System.Globalization;
using Google.Rpc;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>Graphs as text through the services.</summary>
public sealed class TextTests
{
    /// <summary>The regression of <see cref="EvaluateTests"/>: mean((w x + b − y)²) = 50/3, dw = −52/3, db = −8.</summary>
    [Fact]
    public async Task An_expression_is_evaluated_and_differentiated()
    {
        await using var server = await TestServer.StartAsync();
        var request = EvaluateTests.Regression();
        request.Graph = Text("mean((w*x + b - y)**2)", Bound("w", 1), Bound("b", 2), Bound("x", 3, 3), Bound("y", 4, 3));
        var reply = await server.Evaluation.EvaluateAsync(request);
        Assert.Equal(50.0 / 3, Elements(reply.Values[0].Tensor)[0], 1e-12);
        Assert.Equal([1, 2], reply.Gradients.Select(g => g.Value));
        Assert.Equal(-52.0 / 3, Elements(reply.Gradients[0].Tensor)[0], 1e-12);
        Assert.Equal(-8.0, Elements(reply.Gradients[1].Tensor)[0], 1e-12);
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    [Theory]
    [InlineData("where(x <= 2, 1, 0)", "1 1 0 0")]
    [InlineData("where(x >= 2, 1, 0)", "0 1 1 0")]
    [InlineData("where(x != 2, 1, 0)", "1 0 1 1")]
    [InlineData("where(~(x < 2) & (x < 3), 1, 0)", "0 1 0 0")]
    [InlineData("where((x == 1) | (x > 2), 1, 0)", "1 0 1 0")]
    [InlineData("x[1:3]", "2 3")]
    [InlineData("x[2::-1]", "3 2 1")]
    [InlineData("x[-2]", "3")]
    [InlineData("sum(reshape(x[0:3], [3, 1]) * [10, 100], axis=1)", "110 220 330")]
    [InlineData("def double(v) { return v*2 }\ndouble(double(x[:1]))", "4")]
    [InlineData("x[0]**2**3 - 3/2", "-0.5")]
    [InlineData("Gradient(sum(x[:3]**3), x, wrt=1)", "3 12 27 0")]
    public async Task Operators_mean_what_NumPy_means(string source, string expected)
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = Text(source, Bound("x", 3, 4)),
            Feeds = { Feed(3, Tensor([1, 2, 3, double.NaN], 4)) },
            Fetches = { Fetch(9) },
        });
        Assert.Equal(expected, string.Join(' ', Elements(reply.Values[0].Tensor).Select(v => v.ToString(CultureInfo.InvariantCulture))));
    }

    [Fact]
    public async Task A_mismatch_of_shapes_has_the_column_of_its_expression()
    {
        await using var server = await TestServer.StartAsync();
        var status = await RefusedAsync(StatusCode.InvalidArgument, "SHAPE_MISMATCH", async () => await server.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = Text("mean((w*x)**2)", Bound("w", 1, 2), Bound("x", 3, 3)),
            Feeds = { Feed(1, Tensor([1, 2], 2)), Feed(3, Tensor([1, 2, 3], 3)) },
            Fetches = { Fetch(9) },
        }));
        var metadata = status.GetDetail<ErrorInfo>().Metadata;
        Assert.Equal(("1", "7", "Mul"), (metadata["line"], metadata["column"], metadata["op"]));
    }

    [Fact]
    public async Task A_session_takes_text_after_text()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await Graphs.DefineAsync(server, session);
        foreach (var (source, result) in new[] { ("exp($1 - 2)*$2 + 1", 20UL), ("sum($20*2 - 1)", 21UL) })
            await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Text = new V1.Expression { Source = source, Result = result } });
        var backward = Graphs.Backward(session);
        backward.Roots[0].Value = 21;
        backward.Fetches.Add(Fetch(21));
        var reply = await server.Sessions.BackwardAsync(backward);
        Assert.Equal(2 * (5 + 1 + (7 * Math.E) + 1) - 2, Elements(reply.Values[0].Tensor)[0], 1e-12);
        Assert.Equal([10, 14 * Math.E], Elements(reply.Gradients[0].Tensor).Select(v => v), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public async Task A_fault_in_a_text_changes_nothing_and_is_located()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var request = new V1.DefineNodesRequest { Session = session, Text = new V1.Expression { Source = "w\n + oops", Result = 9, Bindings = { Bound("w", 1, 2) } } };
        var status = await RefusedAsync(StatusCode.InvalidArgument, "EXPRESSION_SYNTAX", async () => await server.Sessions.DefineNodesAsync(request));
        Assert.Equal("2", status.GetDetail<ErrorInfo>().Metadata["line"]);
        await RefusedAsync(StatusCode.Unimplemented, "OP_UNSUPPORTED", async () => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Text = new V1.Expression { Source = "Nothing(w)", Bindings = { Bound("w", 1, 2) } } }));
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Text = new V1.Expression { Source = "w + 1", Result = 9, Bindings = { Bound("w", 1, 2) } } });
    }

    private static V1.GraphSource Text(string source, params V1.ExpressionBinding[] bindings) =>
        new() { Text = new V1.Expression { Source = source, Result = 9, Bindings = { bindings } } };

    private static V1.ExpressionBinding Bound(string name, ulong value, params long[] shape) =>
        new() { Name = name, Value = value, Type = Type(shape), Variable = name is "w" or "b" };
}
