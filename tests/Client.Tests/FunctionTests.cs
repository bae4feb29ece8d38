namespace Gradients.Client.Tests;

public sealed class FunctionTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task ACustomReluHasTheGradientThatItsAuthorWrote()
    {
        await using var session = await server.Client.CreateSessionAsync();
        // The mask is "input < 0", so that the gradient at 0 is 1, where the built-in Relu has 0.
        var customRelu = session.DefineFunction("CustomRelu", 1, (f, x) => [x[0].Clip(min: 0)], g => [g.Argument().Less(0).Where(0.0, g.Cotangent)]);
        var x = session.Variable("x", new float[] { -1, 0, 2 });
        var y = customRelu.Call(x);

        Assert.Equal(x.Shape, y.Shape);
        var custom = await session.BackwardAsync(y.Sum(), [x], fetch: [y]);
        var builtIn = await session.BackwardAsync(x.Relu().Sum(), [x]);

        Assert.Equal(new float[] { 0, 0, 2 }, custom.Value(y).ToArray<float>());
        Assert.Equal(new float[] { 0, 1, 1 }, custom[x].ToArray<float>());
        Assert.Equal(new float[] { 0, 0, 1 }, builtIn[x].ToArray<float>());
    }

    [Fact]
    public async Task FunctionsCallFunctionsAndReturnSeveralValues()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var square = session.DefineFunction("Square", (f, x) => x * x);
        var both = session.DefineFunction("SumAndProduct", 2, (f, p) => [square.Call(p[0]) + p[1], square.Call(p[0]) * p[1]]);
        var a = session.Variable("a", 3.0);
        var b = session.Variable("b", 5.0);
        var outputs = both.CallAll(a, b);
        var result = await session.BackwardAsync(outputs[0] + outputs[1], [a, b], fetch: outputs);
        Assert.Equal(14.0, result.Value(outputs[0]).Item<double>());
        Assert.Equal(45.0, result.Value(outputs[1]).Item<double>());
        Assert.Equal(36.0, result[a].Item<double>());
        Assert.Equal(10.0, result[b].Item<double>());
    }

    [Fact]
    public void ACallThatCannotFitIsRaisedWhereItIsMade()
    {
        var graph = new Graph();
        var product = graph.DefineFunction("Product", 2, (f, p) => [p[0].MatMul(p[1])]);
        var error = Assert.Throws<ShapeMismatchException>(() => product.Call(graph.Input<float>("a", 2, 3), graph.Input<float>("b", 2, 3)));
        Assert.Equal("Product/MatMul", error.Op);
        Assert.Equal("INPUT_COUNT_MISMATCH", Assert.Throws<GradientsClientException>(() => product.Call(graph.Input<float>("a", 2))).Reason);
        Assert.Equal("FUNCTION_EXISTS", Assert.Throws<GradientsClientException>(() => graph.DefineFunction("Relu", (f, x) => x)).Reason);
    }
}
