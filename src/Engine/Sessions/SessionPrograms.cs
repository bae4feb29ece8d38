using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>The compiled programs of what a session's requests ask for. One request at a time.</summary>
/// <param name="scope">The tenant, whose sessions share programs.</param>
/// <param name="reach">Of the session's graph, or of one that it shares with other sessions.</param>
/// <param name="charge">What compiling takes is charged here.</param>
internal sealed class SessionPrograms(PlanCache plans, string scope, int maxExpandedNodes, GraphReach reach, GraphCharge charge)
{
    // A key is written and looked up by one thread without a pause.
    [ThreadStatic]
    private static CanonicalWriter? _threadWriter;

    private readonly ProgramRequest _program = new();
    private readonly List<NodeType> _sourceTypes = [];
    private Reached? _last;

    /// <summary>The sources of the program asked for last, in order.</summary>
    public IReadOnlyList<NodeDefinition> LastSources => _last!.Sources;

    private static CanonicalWriter Writer => _threadWriter ??= new CanonicalWriter();

    /// <summary>The program of what is asked for, shared with the tenant's sessions that ask for the same.</summary>
    public CompiledProgram Compile(Action<ProgramRequest> ask, Func<NodeDefinition, NodeType> typeOf, CancellationToken cancellation, out bool hit)
    {
        var writer = WriteKey(ask, typeOf);
        CompiledProgram CompileOver(Subgraph subgraph) => charge.Compile(_program.Roots.Count > 0, subgraph, maxExpandedNodes, () => CompiledProgram.Compile(_program, subgraph, _sourceTypes, maxExpandedNodes, cancellation));
        var program = plans.Get(writer.Written, () => reach.Compile(_program, CompileOver), out hit, scope);
        if (writer.Written.Length > 1 << 20)
            _threadWriter = null;
        return program;
    }

    /// <summary>The program of what is asked for, or null when it would have to be compiled.</summary>
    public CompiledProgram? Find(Action<ProgramRequest> ask, Func<NodeDefinition, NodeType> typeOf)
    {
        var writer = WriteKey(ask, typeOf);
        return plans.Find(writer.Written, scope);
    }

    /// <summary>What the definitions alone tell of the types of values.</summary>
    public TensorType?[] TypesOf(Value[] values, CancellationToken cancellation)
    {
        var subgraph = new Subgraph();
        subgraph.Start();
        foreach (var value in values)
            subgraph.Add(value);
        return charge.Compile(gradients: false, subgraph, maxExpandedNodes, () => DeclaredTypes.Of(values, subgraph, maxExpandedNodes, cancellation));
    }

    /// <summary>The plan of one optimizer update for parameters of this type, or null when it would have to be compiled.</summary>
    public Plan? FindOptimizerPlan(Optimizer optimizer, NodeType type)
    {
        var writer = WriteKey(optimizer, type);
        return plans.Find(writer.Written, scope)?.Forward;
    }

    /// <summary>The plan of one optimizer update for parameters of this type.</summary>
    public Plan OptimizerPlan(Optimizer optimizer, NodeType type, CancellationToken cancellation)
    {
        var writer = WriteKey(optimizer, type);
        return plans.Get(writer.Written, () => CompiledProgram.CompileUpdate(optimizer.Build, type, optimizer.StateCount, optimizer.ScalarCount, cancellation), out _, scope).Forward;
    }

    /// <summary>Ids of the definitions of the program asked for last, by position.</summary>
    public ulong[] LastIds() => Array.ConvertAll(_last!.Nodes, n => n.Id);

    public ulong IdAt(int position) => position < _last?.Nodes.Length ? _last.Nodes[position].Id : 0;

    /// <summary>The floating variables that values depend on, in canonical order. The array is not the caller's to change.</summary>
    public ulong[] VariablesUnder(IReadOnlyList<ulong> values) => reach.VariablesUnder(values, Writer);

    private CanonicalWriter WriteKey(Action<ProgramRequest> ask, Func<NodeDefinition, NodeType> typeOf)
    {
        _last = null;
        _program.Clear();
        ask(_program);
        var writer = Writer;
        _last = reach.Of(_program, writer);
        writer.StartWith(_last.Structure);
        PlanKey.WriteTypes(_last.Sources, writer, _sourceTypes, typeOf);
        return writer;
    }

    private static CanonicalWriter WriteKey(Optimizer optimizer, NodeType type)
    {
        var writer = Writer;
        writer.Clear();
        writer.Write(IsaLevel.Name);
        writer.Write((byte)255);
        writer.Write(optimizer.Variant);
        writer.Write(type.DataType, type.Shape);
        return writer;
    }
}
