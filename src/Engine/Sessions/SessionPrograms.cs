using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>The compiled programs of what a session's requests ask for. One request at a time.</summary>
/// <param name="scope">The tenant, whose sessions share programs.</param>
/// <param name="graph">The session's graph.</param>
/// <param name="shared">The same graph when it belongs to other sessions, too.</param>
/// <param name="charge">What compiling takes is charged here.</param>
internal sealed class SessionPrograms(PlanCache plans, string scope, int maxExpandedNodes, GraphDefinition graph, SharedGraph? shared, GraphCharge charge)
{
    // A key is written and looked up by one thread without a pause.
    [ThreadStatic]
    private static CanonicalWriter? _threadWriter;

    private readonly ProgramRequest _program = new();
    private readonly Subgraph _subgraph = new();
    private readonly List<NodeType> _sourceTypes = [];
    private Reached? _reached;

    /// <summary>The sources of the program asked for last, in order.</summary>
    public IReadOnlyList<NodeDefinition> LastSources => _reached?.Sources ?? _subgraph.Sources;

    private static CanonicalWriter Writer => _threadWriter ??= new CanonicalWriter();

    private IReadOnlyList<NodeDefinition> LastNodes => _reached?.Nodes ?? _subgraph.Nodes;

    /// <summary>The program of what is asked for, shared with the tenant's sessions that ask for the same.</summary>
    public CompiledProgram Compile(Action<ProgramRequest> ask, Func<NodeDefinition, NodeType> typeOf, CancellationToken cancellation, out bool hit)
    {
        var writer = WriteKey(ask, typeOf);
        CompiledProgram CompileOver(Subgraph subgraph) => charge.Compile(_program.Roots.Count > 0, subgraph, maxExpandedNodes, () => CompiledProgram.Compile(_program, subgraph, _sourceTypes, maxExpandedNodes, cancellation));
        var program = plans.Get(writer.Written, () => shared is null ? CompileOver(_subgraph) : shared.Compile(_program, CompileOver), out hit, scope);
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
        _subgraph.Start();
        foreach (var value in values)
            _subgraph.Add(value);
        return charge.Compile(gradients: false, _subgraph, maxExpandedNodes, () => DeclaredTypes.Of(values, _subgraph, maxExpandedNodes, cancellation));
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

    /// <summary>Ids of the definitions of the program compiled last, by position.</summary>
    public ulong[] LastIds() => [.. LastNodes.Select(n => n.Id)];

    public ulong IdAt(int position) => position < LastNodes.Count ? LastNodes[position].Id : 0;

    /// <summary>The floating variables that values depend on, in canonical order.</summary>
    public ulong[] VariablesUnder(IReadOnlyList<ulong> values) =>
        shared?.VariablesUnder(values, Writer) ?? graph.VariablesUnder(values, _subgraph);

    private CanonicalWriter WriteKey(Action<ProgramRequest> ask, Func<NodeDefinition, NodeType> typeOf)
    {
        _program.Clear();
        ask(_program);
        var writer = Writer;
        if (shared is null)
        {
            PlanKey.Write(_program, _subgraph, writer, _sourceTypes, typeOf);
            return writer;
        }

        _reached = shared.Reach(_program, writer);
        writer.StartWith(_reached.Structure);
        PlanKey.WriteTypes(_reached.Sources, writer, _sourceTypes, typeOf);
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
