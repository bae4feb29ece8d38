using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests.Onnx;

/// <summary>
/// ONNX's own forward cases (Debian's libonnx-testdata). Without them the tests are skipped, unless
/// GRADIENTS_REQUIRE_ONNX=1 says that they must be there.
/// </summary>
public class OnnxNodeTests
{
    private const string NotInstalled = "libonnx-testdata is not installed";

    /// <summary>
    /// Pow with an integer base, pools over three spatial axes and a pool with its indices as a second output, which the ops do
    /// not take, and Dropout in training with the numbers of another generator.
    /// </summary>
    private static readonly string[] Unsupported =
    [
        "test_pow_types_float", "test_pow_types_int64_float32", "test_pow_types_int64_int64", "test_averagepool_3d_default", "test_maxpool_3d_default",
        "test_maxpool_with_argmax_2d_precomputed_pads", "test_maxpool_with_argmax_2d_precomputed_strides",
        "test_training_dropout", "test_training_dropout_default", "test_training_dropout_default_mask", "test_training_dropout_mask",
        "test_training_dropout_zero_ratio", "test_training_dropout_zero_ratio_mask",
    ];

    public static TheoryData<string> Names => OnnxCase.Installed ? [.. OnnxCase.Supported().Except(Unsupported)] : [NotInstalled];

    [Theory]
    [MemberData(nameof(Names))]
    public void Agrees_with_ONNX(string name)
    {
        if (name == NotInstalled)
        {
            Assert.NotEqual("1", Environment.GetEnvironmentVariable("GRADIENTS_REQUIRE_ONNX"));
            Assert.Skip(NotInstalled);
        }

        var onnx = OnnxCase.Read(name);
        var builder = new GraphBuilder();
        var nodes = new Dictionary<string, Node?> { [""] = null };
        // Shapes, axes and indices are known when a graph is built; what is computed with is fed.
        for (var i = 0; i < onnx.Inputs.Length; i++)
            nodes[onnx.InputNames[i]] = onnx.Inputs[i]!.DataType.IsFloating() ? builder.Input(onnx.Inputs[i]!.DataType, onnx.Inputs[i]!.Shape, i) : builder.Constant(onnx.Inputs[i]!);
        foreach (var node in onnx.Nodes)
        {
            var op = OpCatalog.Find(node.Op)!;
            var results = builder.AddAll(op, AttributeCheck.Checked(op, Attributes.Of(node.Attributes)), [.. node.Inputs.Select(i => nodes[i])]);
            for (var i = 0; i < node.Outputs.Length; i++)
                nodes[node.Outputs[i]] = results[i];
        }

        for (var i = 0; i < onnx.Outputs.Length; i++)
        {
            var expected = onnx.Outputs[i]!;
            var output = nodes[onnx.OutputNames[i]]!;
            Assert.Equal(expected.DataType, output.DataType);
            Assert.Equal(expected.Shape, output.Shape);
            Numbers.Close(Numbers.Doubles(expected), Numbers.Doubles(Interpreter.Evaluate(output, onnx.Inputs!)), 1e-5, 1e-6, name);
        }
    }

    /// <summary>A reader that finds nothing would pass in silence.</summary>
    [Fact]
    public void Most_of_the_catalogs_ops_have_cases()
    {
        if (!OnnxCase.Installed)
            Assert.Skip(NotInstalled);
        var covered = OnnxCase.Supported().SelectMany(n => OnnxCase.Read(n).Nodes.Select(node => node.Op)).ToHashSet();
        // Gelu, Attention and RMSNormalization are newer than the data; the cases of Equal are of int32.
        var missing = OpCatalog.All.Where(op => op.Kind != OpKind.Structural && op.Schema.Domain == "ai.onnx" && !covered.Contains(op.Name)).Select(op => op.Name);
        Assert.Equal("Equal Gelu Attention RMSNormalization", string.Join(" ", missing));
    }
}
