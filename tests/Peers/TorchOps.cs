using Gradients.Engine.Graph;
using TorchSharp;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace Gradients.Peers;

/// <summary>What libtorch calls the ops that the measured networks consist of.</summary>
internal static class TorchOps
{
    /// <param name="inputs">Positions of the node's inputs among the values.</param>
    /// <param name="constants">Those inputs that are constants.</param>
    public static Func<Tensor?[], Tensor> Call(NodeSpec node, int[] inputs, ConstantData?[] constants)
    {
        int a = inputs[0], b = inputs.ElementAtOrDefault(1), c = inputs.ElementAtOrDefault(2);
        switch (node.Op)
        {
            case "Gemm" when inputs.Length == 3: return v => functional.linear(v[a]!, v[b]!, v[c]!);
            case "Gemm" when node.Attributes.Int("transA", 0) != 1 && node.Attributes.Int("transB", 0) == 1: return v => functional.linear(v[a]!, v[b]!);
            case "Gemm":
                bool isTransposedA = node.Attributes.Int("transA", 0) == 1, isTransposedB = node.Attributes.Int("transB", 0) == 1;
                return v => (isTransposedA ? v[a]!.t() : v[a]!).matmul(isTransposedB ? v[b]!.t() : v[b]!);
            case "MatMul": return v => v[a]!.matmul(v[b]!);
            case "Add": return v => v[a]! + v[b]!;
            case "Sub": return v => v[a]! - v[b]!;
            case "Mul": return v => v[a]! * v[b]!;
            case "Exp": return v => v[a]!.exp();
            case "Relu": return v => v[a]!.relu();
            case "Tanh": return v => v[a]!.tanh();
            case "Sigmoid": return v => v[a]!.sigmoid();
            case "Gelu": return v => functional.gelu(v[a]!);
            case "MeanSquaredError": return v => functional.mse_loss(v[a]!, v[b]!);
            case "SoftmaxCrossEntropy": return v => functional.cross_entropy(v[a]!, v[b]!);
            case "Attention":
                var isCausal = node.Attributes.Int("is_causal", 0) == 1;
                return v => functional.scaled_dot_product_attention(v[a]!, v[b]!, v[c]!, is_casual: isCausal);
            case "MaxPool": return v => functional.max_pool2d(v[a]!, [2, 2], [2, 2]);
            case "AveragePool": return v => functional.avg_pool2d(v[a]!, [2, 2], [2, 2]);
            case "Softmax": return v => functional.softmax(v[a]!, -1);
            case "Concat": return v => torch.cat(Array.ConvertAll(inputs, i => v[i]!), 1);
            case "Transpose" when node.Attributes.Ints("perm") is { } permutation: return v => v[a]!.permute(permutation);
            case "Reshape" when Integers(1) is { } shape: return v => v[a]!.reshape(shape);
            case "Gather" when node.Attributes.Int("axis", 0) is var axis: return v => v[a]!.index_select(axis, v[b]!);
            case "Slice" when Integers(1) is [var start] && Integers(2) is [var end] && Integers(3) is [var axis]: return v => v[a]!.narrow(axis, start, end - start);
            case "ReduceSum" when inputs.Length == 1: return v => v[a]!.sum();
            case "ReduceSum" when Integers(1) is { } axes: return v => v[a]!.sum(axes);
            case "ReduceMean" when Integers(1) is { } axes: return v => v[a]!.mean(axes);
            case "ReduceMax" when Integers(1) is { } axes: return v => v[a]!.amax(axes);
            case "ReduceLogSumExp" when Integers(1) is [var axis]: return v => v[a]!.logsumexp(axis);
            case "LayerNormalization": return v => functional.layer_norm(v[a]!, [v[b]!.shape[0]], v[b]!, v[c]!, 1e-5);
            case "Conv" when node.Attributes.Ints("pads") is [var pad, ..]:
                var (stride, groups) = (node.Attributes.Ints("strides") is [var first, ..] ? first : 1, node.Attributes.Int("group", 1));
                return node.Attributes.Ints("pads")!.Length == 2
                    ? v => functional.conv1d(v[a]!, v[b]!, v[c]!, stride, pad, groups: groups)
                    : v => functional.conv2d(v[a]!, v[b]!, v[c]!, [stride, stride], [pad, pad], groups: groups);
            default: throw new NotSupportedException($"libtorch is not told of {node.Op}.");
        }

        long[]? Integers(int input) => constants[input]?.As<long>().ToArray();
    }
}
