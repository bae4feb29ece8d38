using CsCheck;
using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Engine.Tests.Compilation;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Expressions;

public sealed class GraphTextPropertyTests
{
    private static readonly string[] Pieces =
    [
        "w", "x", "f", "g", "$1", "$9", "mean", "sum", "Softmax", "Concat", "Gradient", "Constant", "Input", "def ", "return ", "gradient ", "none", "true", "nan", "inf", "float32", "int64", "bool",
        "1", "2.5", "1e9", "99999999999999999999", ".5", "\"t\"", "\"", "\\u00", "(", ")", "[", "]", "{", "}", ",", ";", "\n", ":", "=", "+", "-", "*", "**", "/", "@", "==", "<=", "&", "|", "~", "axis=", "value=", "type=", "#", " ", "é", "\0",
    ];

    private static readonly string[] Texts =
    [
        "mean((w*x + 1)**2)", "def f(v: float32) gradient g(v) { return v*2 }; f(x)", "def g(v, c) { return none }", "y, z = Gradient(sum(w), x, w, roots=1, wrt=2)",
        "$9 = Input(type=float32[n, 3], name=\"a\")", "x[1:2, ::-1, 0]", "Constant(value=int64[2]{1, -2})", "where(w <= x, bool[1]\"01\", [1, 2])",
    ];

    private static readonly Gen<string> Sources = Gen.OneOf(
        Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 30].Select(string.Concat),
        Gen.String[0, 40],
        Gen.Select(Gen.Int[0, Texts.Length - 1].Select(i => Texts[i]), Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]), Gen.Int[0, 60], Gen.Int[0, 6], (text, piece, at, gone) =>
            text[..Math.Min(at, text.Length)] + piece + text[Math.Min(at + gone, text.Length)..]));

    [Fact]
    public void AnyTextIsAGraphOrARefusal() => Sources.Sample(
        source =>
        {
            var parsed = Accepted(() => GraphText.Parse(source, [new("w", 1, new TensorType(DataType.Float32, 3), true), new("x", 2, new TensorType(DataType.Float32, "n", 3))]), ErrorCode.InvalidArgument, ErrorCode.ResourceExhausted);
            if (parsed is null || Accepted(() => GraphTextTests.Define(parsed), ErrorCode.InvalidArgument, ErrorCode.NotFound, ErrorCode.AlreadyExists, ErrorCode.Unimplemented, ErrorCode.ResourceExhausted) is null)
                return;
            RoundTrip(parsed.Functions, parsed.Nodes);
        },
        iter: 20_000);

    [Fact]
    public void EveryOpCaseReadsBackToItsDigest()
    {
        foreach (var op in OpCases.All)
        {
            var specs = new GraphSpecs();
            var inputs = op.Inputs.Select(i => i is null ? 0 : i.Given is { } given ? specs.Add("Constant", Attributes.Of(("value", given))) : specs.Input(DataType.Float64, [.. i.Shape.Dimensions.ToArray().Select(d => (Dimension)d)])).ToArray();
            specs.Add(op.Op, op.Attributes, inputs);
            RoundTrip([], [.. specs.Nodes]);
        }

        Assert.Empty(OpCatalog.All.Select(o => o.Name).Except(OpCases.All.Select(c => c.Op)).Except(["Input", "Variable", "Constant", "Gradient", "Custom"]));
    }

    [Fact]
    public void RandomGraphsReadBackToTheirDigest() => RandomGraphs.Steps.Sample(
        steps =>
        {
            using var runner = new ProgramRunner();
            _ = new RandomGraphs(runner, steps);
            RoundTrip([], [.. runner.Specs.Nodes]);
        },
        iter: 200);

    [Fact]
    public void FunctionsSpecialNumbersAndNamesReadBack() => RoundTrip(
        [
            new("mean", [1, 2], [new(3, "Neg", [1], Attributes.None)], [3, 0]),
            new("a \"b\"\\\n", [1], [new(5, "Clip", [1, 0, 1], Attributes.None)], [5, 1], "mean", [5, 1]),
        ],
        [
            new(ulong.MaxValue, "Input", [], Attributes.Of(("type", new TensorType(DataType.Bool, "?5.0", 3, "n")), ("name", "\u0001é"))),
            new(8, "a \"b\"\\\n", [ulong.MaxValue], Attributes.None) { AdditionalOutputs = [9] },
            new(10, "Constant", [], Attributes.Of(("value", ConstantData.Of<float>(new Shape(3), [BitConverter.Int32BitsToSingle(0x7fc12345), -0f, float.PositiveInfinity])))),
            new(11, "Constant", [], Attributes.Of(("value", ConstantData.Of<double>(new Shape(4), [-0.0, 1e-320, double.MaxValue, 0.1])))),
            new(12, "Constant", [], Attributes.Of(("value", ConstantData.Of<long>(new Shape(2), [long.MinValue, long.MaxValue])))),
            new(13, "Constant", [], Attributes.Of(("value", ConstantData.Of<double>(new Shape(0, 2), [])))),
            new(15, "Custom", [11], Attributes.Of(("name", "f"), ("types", new[] { new TensorType(DataType.Float32, "n", 2), new TensorType(DataType.Int64) }), ("input_types", new[] { new TensorType(DataType.Float32, "n") }), ("differentiable", new long[] { 0 }))) { AdditionalOutputs = [16] },
            new(14, "Gemm", [11, 11], Attributes.Of(("alpha", double.NegativeInfinity), ("beta", -2.0), ("list", new long[] { long.MinValue }), ("reals", new[] { 1.0, -1e300 }), ("to", DataType.Int64), ("on", true))),
        ]);

    [Fact]
    public void TheDigestCoversAllButLabels()
    {
        NodeSpec x = new(1, "Input", [], Attributes.Of(("type", new TensorType(DataType.Float32, 3))));
        NodeSpec y = new(2, "Softmax", [1], Attributes.Of(("axis", 0L)));
        string[] digests =
        [
            GraphDigest.Of([], [x, y]), GraphDigest.Of([], [y, x]), GraphDigest.Of([], [x]), GraphDigest.Of([], [x, y with { Id = 3 }]), GraphDigest.Of([], [x, y with { Op = "LogSoftmax" }]),
            GraphDigest.Of([], [x, y with { Attributes = Attributes.Of(("axis", 1L)) }]), GraphDigest.Of([new("f", [1], [], [1])], [x, y]),
            GraphDigest.Of([], [x with { Attributes = Attributes.Of(("type", new TensorType(DataType.Float32, "3"))) }, y]),
        ];
        Assert.Equal(digests.Length, digests.Distinct().Count());
        Assert.All(digests, d => Assert.Matches("^[0-9a-f]{64}$", d));
        Assert.Equal(digests[0], GraphDigest.Of([], [x, y with { Label = "a label" }]));
    }

    private static void RoundTrip(FunctionSpec[] functions, NodeSpec[] nodes)
    {
        var text = GraphText.Print(functions, nodes);
        var read = GraphText.Parse(text, limits: new TextLimits { MaxLength = int.MaxValue });
        Assert.True(GraphDigest.Of(functions, nodes) == GraphDigest.Of(read.Functions, read.Nodes), $"{text}\n---\n{GraphText.Print(read.Functions, read.Nodes)}");
    }

    private static T? Accepted<T>(Func<T> call, params ErrorCode[] refusals) where T : class
    {
        try
        {
            return call();
        }
        catch (GradientsException e)
        {
            Assert.Contains(e.Code, refusals);
            return null;
        }
    }
}
