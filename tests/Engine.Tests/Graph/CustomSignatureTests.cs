using Gradients.Engine.Autodiff;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Graph;

/// <summary>What the attributes of Custom say of its outputs, and which of them are refused.</summary>
public sealed class CustomSignatureTests
{
    private static readonly NodeType[] Inputs = [new(DataType.Float32, new Shape(2, 3)), new(DataType.Int64, new Shape(3)), new(DataType.Float64, Shape.Scalar)];

    [Fact]
    public void WithoutTypesThereIsOneOutputLikeTheFirstInput() => Assert.Equal([Inputs[0]], Outputs());

    [Fact]
    public void OutputsAreLikeInputs() => Assert.Equal([Inputs[1], Inputs[1], Inputs[2]], Outputs(("like", new long[] { 1, 1, 2 })));

    [Fact]
    public void SymbolsOfTheInputsSizeTheOutputs() => Assert.Equal(
        [new NodeType(DataType.Float64, new Shape(3, 2)), new NodeType(DataType.Bool, new Shape(5))],
        Outputs(
            ("input_types", new[] { new TensorType(DataType.Float32, "n", "k"), new TensorType(DataType.Int64, "k"), new TensorType(DataType.Float64) }),
            ("types", new[] { new TensorType(DataType.Float64, "k", "n"), new TensorType(DataType.Bool, 5) })));

    [Theory]
    [InlineData("INVALID_ATTRIBUTE", "like", 3L)]
    [InlineData("INVALID_ATTRIBUTE", "like", -1L)]
    [InlineData("INVALID_ATTRIBUTE", "differentiable", 1L)]
    [InlineData("INVALID_ATTRIBUTE", "differentiable", 7L)]
    [InlineData("INVALID_ATTRIBUTE", "saved_inputs", 3L)]
    [InlineData("INVALID_ATTRIBUTE", "saved_outputs", 1L)]
    public void PositionsOutsideAreRefused(string reason, string attribute, long position) =>
        Assert.Equal(reason, Assert.Throws<GradientsException>(() => Outputs((attribute, new[] { position }))).Reason);

    [Fact]
    public void DeclarationsThatDoNotFitAreRefused()
    {
        TensorType Float(params Dimension[] d) => new(DataType.Float32, d);
        TensorType[] Declared(TensorType first, TensorType second) => [first, second, new(DataType.Float64)];
        var k = new TensorType(DataType.Int64, "k");
        void Refused(string reason, params (string, object)[] attributes) => Assert.Equal(reason, Assert.Throws<GradientsException>(() => Outputs(attributes)).Reason);
        Refused("INVALID_ATTRIBUTE", ("types", new[] { Float("n") }));
        Refused("INVALID_ATTRIBUTE", ("types", new[] { Float(1) }), ("like", new long[] { 0 }));
        Refused("INVALID_ATTRIBUTE", ("types", Array.Empty<TensorType>()));
        Refused("INVALID_ATTRIBUTE", ("input_types", new[] { Float(2, 3) }));
        Refused("SHAPE_MISMATCH", ("input_types", Declared(Float("k", "k"), k)));
        Refused("SHAPE_MISMATCH", ("input_types", Declared(Float("n"), k)));
        Refused("SHAPE_MISMATCH", ("input_types", Declared(Float(2, 4), k)));
        Refused("DATA_TYPE_MISMATCH", ("input_types", Declared(Float("n", "k"), new TensorType(DataType.Bool, "k"))));
    }

    [Fact]
    public void ANameIsRequiredAndOutputsAreCountedWhereTheyAreDefined()
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        NodeSpec Spec(Attributes attributes, params ulong[] more) => new(1, "Custom", [], attributes) { AdditionalOutputs = more };
        string Reason(NodeSpec spec) => Assert.Throws<GradientsException>(() => graph.Add([], [spec])).Reason;
        var types = new[] { new TensorType(DataType.Float32, 2), new TensorType(DataType.Float32, 2) };
        Assert.Equal("INVALID_ATTRIBUTE", Reason(Spec(Attributes.None)));
        Assert.Equal("INVALID_ATTRIBUTE", Reason(Spec(Attributes.Of(("name", "f")))));
        Assert.Equal("INPUT_COUNT_MISMATCH", Reason(Spec(Attributes.Of(("name", "f"), ("types", types)))));
        graph.Add([], [Spec(Attributes.Of(("name", "f"), ("types", types)), 2)]);
    }

    [Fact]
    public void NothingFlowsToInputsThatAreNotDifferentiable()
    {
        var builder = new GraphBuilder();
        var a = builder.Input(DataType.Float64, Shape.Scalar, 0);
        var b = builder.Input(DataType.Float64, Shape.Scalar, 1);
        var y = builder.Add(CustomOp.Instance, Attributes.Of(("name", "f"), ("differentiable", new long[] { 1 })), a, b);
        var gradients = ReverseMode.Gradients([y], [], [a, b]);
        Assert.Null(gradients[0]);
        Assert.Equal(b.Type, gradients[1]!.Type);
    }

    private static NodeType[] Outputs(params (string, object)[] attributes) =>
        Array.ConvertAll(ShapeInference.Infer(OpCatalog.Find("Custom")!, Attributes.Of([("name", "f"), .. attributes]), Array.ConvertAll(Inputs, t => new KnownValue(t))), k => k.Type!.Value);
}
