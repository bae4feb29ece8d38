using System.Collections.Immutable;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>Bytes of managed memory that definitions take, roughly: the memory budget counts them.</summary>
internal static class GraphFootprint
{
    /// <summary>A session remembers of what its requests reach at most this part of its graph; it is counted with the nodes.</summary>
    public const double RememberedShare = 0.2;

    private const long NodeBytes = 640;
    private const long ReferenceBytes = 32;
    private const long TypeBytes = 64;

    public static long Of(NodeSpec node) => Of(node.Inputs.Length, node.AdditionalOutputs.Length, node.Label, node.Attributes);

    public static long Of(NodeDefinition node) => Of(node.Inputs.Length, node.AdditionalOutputs.Length, node.Label, node.Attributes);

    public static long Of(FunctionSpec function) => ((1 + function.Parameters.Length) * NodeBytes) + function.Nodes.Sum(Of);

    public static long Of(FunctionDefinition function) => ((1 + function.Parameters.Length) * NodeBytes) + function.Nodes.Sum(Of);

    private static long Of(int inputs, int outputs, string? label, Attributes attributes)
    {
        var bytes = NodeBytes + ((inputs + (long)outputs) * ReferenceBytes) + ((label?.Length ?? 0) * sizeof(char));
        foreach (var (_, value) in attributes.Entries)
        {
            bytes += value switch
            {
                ConstantData data => data.ByteCount,
                string text => text.Length * sizeof(char),
                ImmutableArray<long> numbers => numbers.Length * sizeof(long),
                ImmutableArray<double> numbers => numbers.Length * sizeof(double),
                ImmutableArray<TensorType> types => types.Sum(t => TypeBytes + (t.Dimensions.Count * ReferenceBytes)),
                _ => 0,
            };
        }

        return bytes;
    }
}
