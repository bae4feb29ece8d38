using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// What a forward leaves for its backward: the feeds and variable versions that it saw and the residuals of the declared
/// roots.
/// </summary>
internal sealed class Run(CompiledProgram program, (ulong Id, Value Value)[] roots, (ulong Id, Value Value)[] wrt, NodeDefinition[] sources, ulong[] ids, Dictionary<NodeDefinition, Tensor> captured, Tensor[] residuals) : IDisposable
{
    public CompiledProgram Program { get; } = program;

    /// <summary>When it was made or last differentiated.</summary>
    public DateTimeOffset LastUse { get; set; }

    /// <summary>With what each id meant then: it may be released and name another value by now.</summary>
    public (ulong Id, Value Value)[] Roots { get; } = roots;

    public (ulong Id, Value Value)[] Wrt { get; } = wrt;

    /// <summary>The program's sources in order.</summary>
    public NodeDefinition[] Sources { get; } = sources;

    /// <summary>Node ids by canonical position.</summary>
    public ulong[] Ids { get; } = ids;

    /// <summary>Shares of all feeds and of all variables as they were.</summary>
    public Dictionary<NodeDefinition, Tensor> Captured { get; } = captured;

    public Tensor[] Residuals { get; } = residuals;

    /// <summary>Bytes that exist only for this run when the variables stay as they are: residuals and feeds.</summary>
    public long HeldBytes { get; } = residuals.Sum(t => t.ByteCount) + captured.Where(c => c.Key.Op != StructuralOp.Variable).Sum(c => c.Value.ByteCount);

    public void Dispose()
    {
        foreach (var tensor in Captured.Values)
            tensor.Dispose();
        foreach (var tensor in Residuals)
            tensor.Dispose();
    }
}
