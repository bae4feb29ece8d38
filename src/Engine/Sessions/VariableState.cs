using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// A variable's value, accumulated gradient and optimizer state. Values are replaced, never written in place, so whoever
/// shares one keeps seeing the version it took.
/// </summary>
internal sealed class VariableState(NodeDefinition definition) : IDisposable
{
    public NodeDefinition Definition { get; } = definition;

    public NodeType Type { get; } = TypeOf(definition);

    /// <summary>0 while never set; each write adds 1.</summary>
    public ulong Version { get; private set; }

    public Tensor? Value { get; private set; }

    /// <summary>Null is absent: nothing has flowed since it was made absent.</summary>
    public Tensor? Gradient { get; private set; }

    public string OptimizerKind { get; private set; } = "";

    public Tensor[] OptimizerState { get; private set; } = [];

    public long OptimizerStep { get; private set; }

    public long Bytes => (Value?.ByteCount ?? 0) + (Gradient?.ByteCount ?? 0) + OptimizerState.Sum(t => t.ByteCount);

    /// <summary>Takes over the tensor; it is what so many writes have left.</summary>
    public ulong Set(Tensor value, long writes = 1)
    {
        Value?.Dispose();
        Value = value;
        return Version += (ulong)writes;
    }

    /// <summary>Takes over the tensor, or makes the gradient absent.</summary>
    public void SetGradient(Tensor? gradient)
    {
        Gradient?.Dispose();
        Gradient = gradient;
    }

    /// <summary>Takes over the tensors and counts the step.</summary>
    public void SetOptimizer(string kind, Tensor[] state, long step)
    {
        foreach (var tensor in OptimizerState)
            tensor.Dispose();
        (OptimizerKind, OptimizerState, OptimizerStep) = (kind, state, step);
    }

    public void Dispose()
    {
        Value?.Dispose();
        Value = null;
        SetGradient(null);
        SetOptimizer("", [], 0);
    }

    private static NodeType TypeOf(NodeDefinition definition)
    {
        var type = (TensorType)definition.Attributes.Find("type")!;
        return new NodeType(type.DataType, type.Shape!);
    }
}
