using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Engine.Tests.Compilation;

namespace Gradients.Engine.Tests.Autodiff;

public sealed class CustomGradientTests : IDisposable
{
    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    /// <summary>The tutorial's ReLU: backward clones the cotangent and sets it to 0 where the saved input is below 0.</summary>
    [Fact]
    public void ReluThatMasksNegativeInputsGivesOneAtZeroBesideTheBuiltInThatGivesZero()
    {
        _r.Functions.Add(new("CustomReLU.backward", [1, 2], [Zero(3), Op(4, "Less", 1, 3), Op(5, "Where", 4, 3, 2)], [5]));
        _r.Functions.Add(new("CustomReLU", [1], [Zero(2), Op(3, "Max", 1, 2)], [3], "CustomReLU.backward", [1]));
        var x = _r.Feed(-1, 0, 2, -0.0);
        var custom = _r.Specs.Op("CustomReLU", x);
        var builtIn = _r.Specs.Op("Relu", x);
        Assert.Equal([[0, 0, 2, 0], [0, 1, 1, 1]], _r.Values([custom], [Sum(custom)], [x]));
        Assert.Equal([0, 0, 1, 0], _r.Values([], [Sum(builtIn)], [x])[0]!);
    }

    [Fact]
    public void TheGradientIsTheGradientFunctionsAndNotTheBodys()
    {
        // f(x) = x², with gradient 100·g·x from the saved input.
        _r.Functions.Add(new("grad", [1, 2], [Number(3, 100), Op(4, "Mul", 1, 2), Op(5, "Mul", 4, 3)], [5]));
        _r.Functions.Add(new("f", [1], [Op(2, "Mul", 1, 1)], [2], "grad", [1]));
        var x = _r.Feed(3, -2);
        var y = _r.Specs.Op("f", x);

        // Through ops in front and behind: d(−f(2x))/dx = −(100·2x)·2.
        var z = _r.Specs.Op("Neg", _r.Specs.Op("f", _r.Specs.Op("Add", x, x)));
        Assert.Equal([[9, 4], [300, -200]], _r.Values([y], [Sum(y)], [x]));
        Assert.Equal([-1200, 800], _r.Values([], [Sum(z)], [x])[0]!);
    }

    [Fact]
    public void SecondDerivativeThroughASavedOutputMeetsTheCustomRule()
    {
        // f(x) = eˣ with gradient 2·g·y of the saved output y: f' = 2y, and f'' = d(2y)/dx = 2·(2y), not 2eˣ.
        _r.Functions.Add(new("grad", [1, 2], [Number(3, 2), Op(4, "Mul", 1, 2), Op(5, "Mul", 4, 3)], [5]));
        _r.Functions.Add(new("f", [1], [Op(2, "Exp", 1)], [2], "grad", [2]));
        var x = _r.Feed(0.5);
        var y = _r.Specs.Op("f", x);
        var first = Gradient(Sum(y), x);
        var second = Gradient(Sum(first), x);
        var third = Gradient(Sum(second), x);
        var values = _r.Values([y, first, second, third]);
        Assert.Equal(Math.Exp(0.5), values[0]![0], 1e-15);
        for (var order = 1; order <= 3; order++)
            Assert.Equal(Math.Pow(2, order) * Math.Exp(0.5), values[order]![0], 1e-14);
    }

    [Fact]
    public void TheGradientFunctionMayHaveAGradientFunctionOfItsOwn()
    {
        _r.Functions.Add(new("second", [1, 2, 3], [Number(4, 1000)], [0, 4]));
        _r.Functions.Add(new("first", [1, 2], [Op(3, "Mul", 1, 2)], [3], "second", [1, 2]));
        _r.Functions.Add(new("f", [1], [Op(2, "Exp", 1)], [2], "first", [1]));
        var x = _r.Feed(Shape.Scalar, 0.5);
        var y = _r.Specs.Op("f", x);
        var dy = Gradient(y, x);

        // The rule of "first" gives nothing for the saved x and 1000 for the cotangent, which does not depend on x.
        Assert.Equal([[0.5], null], _r.Values([dy], [dy], [x]));
    }

    [Fact]
    public void SeveralOutputsEachHaveACotangentAndUnusedOnesAreZero()
    {
        // (a·b, a+b) with gradients (g₁ + 10·g₂, 100·g₁ + 1000·g₂).
        _r.Functions.Add(new("grad", [1, 2], [Number(3, 10), Number(4, 100), Number(5, 1000), Op(6, "Mul", 2, 3), Op(7, "Add", 1, 6), Op(8, "Mul", 1, 4), Op(9, "Mul", 2, 5), Op(10, "Add", 8, 9)], [7, 10]));
        _r.Functions.Add(new("f", [1, 2], [Op(3, "Mul", 1, 2), Op(4, "Add", 1, 2)], [3, 4], "grad", []));
        var (a, b) = (_r.Feed(Shape.Scalar, 3.0), _r.Feed(Shape.Scalar, 5.0));
        var product = Call("f", 101, a, b);
        Assert.Equal([[15], [8], [11], [1100]], _r.Values([product, 101], [product, 101], [a, b]));
        Assert.Equal([[1], [100]], _r.Values([], [product], [a, b]));
        Assert.Equal([[10], [1000]], _r.Values([], [101], [a, b]));

        // Each output used twice: g₁ = 2, g₂ = 3.
        var mixed = _r.Specs.Op("Add", _r.Specs.Op("Add", product, product), _r.Specs.Op("Add", 101, _r.Specs.Op("Add", 101, 101)));
        Assert.Equal([[32], [3200]], _r.Values([], [mixed], [a, b]));
    }

    [Fact]
    public void AnOutputThatIsAskedForAsWrtKeepsItsCotangent()
    {
        _r.Functions.Add(new("grad", [1], [Number(2, 7), Op(3, "Mul", 1, 2)], [3]));
        _r.Functions.Add(new("f", [1], [Op(2, "Neg", 1)], [2], "grad", []));
        var x = _r.Feed(Shape.Scalar, 3.0);
        var y = _r.Specs.Op("f", x);
        var z = _r.Specs.Op("Mul", y, y);
        Assert.Equal([[-6], [-42]], _r.Values([], [z], [y, x]));
    }

    [Fact]
    public void IdZeroGivesNoGradientForItsParameter()
    {
        _r.Functions.Add(new("grad", [1], [], [1, 0]));
        _r.Functions.Add(new("f", [1, 2], [Op(3, "Mul", 1, 2)], [3], "grad", []));
        var (a, b) = (_r.Feed(Shape.Scalar, 3.0), _r.Feed(Shape.Scalar, 5.0));
        var y = _r.Specs.Op("f", a, b);
        Assert.Equal([[1], null], _r.Values([], [y], [a, b]));

        // Inside the graph a value cannot be absent: there it is zero.
        Assert.Equal([0], _r.Value(Gradient(y, b)));

        // Another path still counts.
        Assert.Equal([[1], [1]], _r.Values([], [_r.Specs.Op("Add", y, b)], [a, b]));
    }

    [Fact]
    public void IntegerArgumentsPassThrough()
    {
        _r.Functions.Add(new("grad", [1, 2], [Op(3, "Mul", 2, 2)], [3, 0]));
        _r.Functions.Add(new("pick", [1, 2], [Op(3, "Gather", 1, 2)], [3], "grad", [2]));
        var x = _r.Feed(4, 5, 6);
        var i = _r.Feed(new Shape(3), 2L, 0, 1);
        var y = _r.Specs.Op("pick", x, i);
        Assert.Equal([[6, 4, 5], [1, 1, 1]], _r.Values([y], [Sum(y)], [x]));
    }

    [Theory]
    [InlineData("[2]")]
    [InlineData("[]")]
    public void AGradientOfTheWrongShapeNamesTheFunction(string given)
    {
        NodeSpec body = given == "[]" ? Number(3, 1) : new(3, "Constant", [], Attributes.Of(("value", ConstantData.Of<double>(new Shape(2), [1, 1]))));
        _r.Functions.Add(new("grad", [1], [body], [3]));
        _r.Functions.Add(new("wrong", [1], [Op(2, "Exp", 1)], [2], "grad", []));
        var y = _r.Specs.Op("wrong", _r.Feed(1, 2, 3));
        var request = _r.Request([], [Sum(y)], [1]);
        var error = Assert.Throws<GradientsException>(() => _r.Compile(request));
        Assert.Equal(ErrorReasons.ShapeMismatch, error.Reason);
        Assert.Contains("'wrong'", error.Message, StringComparison.Ordinal);
        Assert.Contains($"float64{given}", error.Message, StringComparison.Ordinal);
        Assert.Equal(y.ToString(), error.Metadata["node"]);
        Assert.Contains("float64[3]", error.Metadata["shapes"], StringComparison.Ordinal);
    }

    [Fact]
    public void ErrorsInsideAFunctionNameTheCallAndTheOpInside()
    {
        _r.Functions.Add(new("inner", [1, 2], [Op(3, "MatMul", 1, 2)], [3]));
        _r.Functions.Add(new("outer", [1, 2], [Op(3, "inner", 1, 2)], [3]));
        var y = _r.Specs.Op("outer", _r.Feed(new Shape(2, 3), new double[6]), _r.Feed(new Shape(2, 3), new double[6]));
        var request = _r.Request([y]);
        var error = Assert.Throws<GradientsException>(() => _r.Compile(request));
        Assert.Equal(ErrorReasons.ShapeMismatch, error.Reason);
        Assert.Equal((y.ToString(), "outer/inner/MatMul"), (error.Metadata["node"], error.Metadata["op"]));
    }

    [Fact]
    public void NestedFunctionsAndGradientNodesInBodies()
    {
        // cube(x) = x·square(x), where square has the gradient −g·x; slope = d cube/dx as a function.
        _r.Functions.Add(new("grad", [1, 2], [Op(3, "Mul", 1, 2), Op(4, "Neg", 3)], [4]));
        _r.Functions.Add(new("square", [1], [Op(2, "Mul", 1, 1)], [2], "grad", [1]));
        _r.Functions.Add(new("cube", [1], [Op(2, "square", 1), Op(3, "Mul", 1, 2)], [3]));
        _r.Functions.Add(new("slope", [1], [Op(2, "cube", 1), new(3, "Gradient", [2, 1], Attributes.Of(("wrt", 1L)))], [3]));
        var x = _r.Feed(Shape.Scalar, 3.0);
        var slope = _r.Specs.Op("slope", x);

        // d(x·s)/dx = s + x·(−x) = 9 − 9; once more: s' − 2x = −x − 2x.
        Assert.Equal([[27], [0], [-9]], _r.Values([_r.Specs.Op("cube", x), slope], [slope], [x]));
    }

    [Fact]
    public void AFunctionWithoutGradientFunctionIsDifferentiatedThroughItsBody()
    {
        _r.Functions.Add(new("f", [1, 2], [Op(3, "Mul", 1, 2), Op(4, "Exp", 3)], [4]));
        var (a, b) = (_r.Feed(Shape.Scalar, 0.5), _r.Feed(Shape.Scalar, 2.0));
        var values = _r.Values([], [_r.Specs.Op("f", a, b)], [a, b]);
        Assert.Equal(2 * Math.E, values[0]![0], 1e-14);
        Assert.Equal(0.5 * Math.E, values[1]![0], 1e-14);
    }

    [Fact]
    public void ARequestThatExpandsBeyondTheLimitIsRefusedBeforeItIsExpanded()
    {
        _r.Functions.Add(new("f", [1], [.. Enumerable.Range(2, 1000).Select(i => Op((ulong)i, "Exp", (ulong)i - 1))], [1001]));
        var x = _r.Feed(Shape.Scalar, 0.5);
        for (var i = 0; i < 1000; i++)
            x = _r.Specs.Op("f", x);
        var request = _r.Request([x]);
        _r.Key(request);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<GradientsException>(() => _r.Compile(request, maxNodes: 1_000_000));
        Assert.Equal(ErrorReasons.ComputeQuota, error.Reason);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    private static NodeSpec Op(ulong id, string op, params ulong[] inputs) => new(id, op, inputs, Attributes.None);

    private static NodeSpec Number(ulong id, double value) => new(id, "Constant", [], Attributes.Of(("value", ConstantData.Of(Shape.Scalar, [value]))));

    private static NodeSpec Zero(ulong id) => Number(id, 0);

    private ulong Sum(ulong x) => _r.Specs.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), x);

    private ulong Gradient(ulong root, ulong wrt) => _r.Specs.Add("Gradient", Attributes.Of(("wrt", 1L)), root, wrt);

    private ulong Call(string function, ulong second, params ulong[] inputs)
    {
        var id = _r.Specs.Op(function, inputs);
        _r.Specs.Nodes[^1] = _r.Specs.Nodes[^1] with { AdditionalOutputs = [second] };
        return id;
    }
}
