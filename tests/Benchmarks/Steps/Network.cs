using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>The definitions of an output and the values of its parameters and inputs, which it owns.</summary>
internal sealed record Network(NodeSpec[] Nodes, ulong Output, IReadOnlyList<ulong> Parameters, IReadOnlyDictionary<ulong, Tensor> Values) : IDisposable
{
    public void Dispose()
    {
        foreach (var value in Values.Values)
            value.Dispose();
    }
}
