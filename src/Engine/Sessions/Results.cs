using Gradients.Engine.Compilation;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <param name="Nodes">Ids and ops of what one instruction computed; id 0 for nodes that stem from no definition.</param>
public sealed record InstructionProfile(IReadOnlyList<(ulong Id, string Op)> Nodes, TimeSpan Time, long Bytes, double Flops, bool Backward);

/// <summary>Where the time of a request went.</summary>
public sealed record ExecutionProfile(
    TimeSpan Queue,
    TimeSpan Plan,
    TimeSpan Execute,
    bool PlanCacheHit,
    long ArenaBytes,
    long PeakLiveBytes,
    IReadOnlyList<InstructionProfile> Instructions);

/// <summary>Holds tensors that the receiver disposes.</summary>
public sealed record ForwardResult(ulong Run, IReadOnlyList<Tensor> Values, long HeldBytes, ExecutionProfile? Profile) : IDisposable
{
    public void Dispose()
    {
        foreach (var tensor in Values)
            tensor.Dispose();
    }
}

/// <param name="Tensor">Null when absent: no differentiable path leads from the value to a root.</param>
public readonly record struct GradientResult(ulong Value, Tensor? Tensor);

/// <summary>Holds tensors that the receiver disposes. In mode Accumulate the gradients are there too, shared with the session.</summary>
public sealed record BackwardResult(IReadOnlyList<Tensor> Values, IReadOnlyList<GradientResult> Gradients, long HeldBytes, ExecutionProfile? Profile) : IDisposable
{
    public void Dispose()
    {
        foreach (var tensor in Values)
            tensor.Dispose();
        foreach (var gradient in Gradients)
            gradient.Tensor?.Dispose();
    }
}

public readonly record struct VariableVersion(ulong Variable, ulong Version);

/// <param name="Version">0 while it was never set; each write adds 1.</param>
public readonly record struct VariableSnapshot(ulong Variable, string? Name, ulong Version, Tensor? Value, Tensor? Gradient);

/// <summary>Holds tensors that the receiver disposes.</summary>
public sealed record VariablesResult(IReadOnlyList<VariableSnapshot> Variables) : IDisposable
{
    public void Dispose()
    {
        foreach (var variable in Variables)
        {
            variable.Value?.Dispose();
            variable.Gradient?.Dispose();
        }
    }
}
