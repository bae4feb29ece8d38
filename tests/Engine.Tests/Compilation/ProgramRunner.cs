using Gradients.Engine.Autodiff;
using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>
/// Compiles and runs definitions without a session, on a pool that fills returned blocks with NaN, and evaluates the same
/// definitions node by node.
/// </summary>
internal sealed class ProgramRunner : IDisposable
{
    private readonly Subgraph _subgraph = new();
    private readonly CanonicalWriter _writer = new();
    private readonly List<NodeType> _types = [];

    public BufferPool Pool { get; } = new(new BufferPoolOptions { PoisonReturned = true });

    public GraphDefinition Graph { get; } = new(new GraphLimits(), OpCatalog.Find);

    public GraphSpecs Specs { get; } = new();

    public List<FunctionSpec> Functions { get; } = [];

    /// <summary>Elements of Inputs and Variables by id.</summary>
    public Dictionary<ulong, ConstantData> Feeds { get; } = [];

    /// <summary>Whether outputs are written over inputs where their plans allow it.</summary>
    public bool Overwrites { get; set; }

    /// <summary>How many were.</summary>
    public int OverwrittenCount { get; private set; }

    public ulong Feed<T>(Shape shape, params T[] elements) where T : unmanaged
    {
        var id = Specs.Input(DataTypes.Of<T>(), Array.ConvertAll(shape.Dimensions.ToArray(), d => new Dimension(d)));
        Feeds[id] = ConstantData.Of<T>(shape, elements);
        return id;
    }

    public ulong Feed(params double[] elements) => Feed(new Shape(elements.Length), elements);

    public ProgramRequest Request(ulong[] fetches, ulong[]? roots = null, ulong[]? wrt = null, bool cotangents = false)
    {
        Graph.Add(Functions, Specs.Take());
        Functions.Clear();
        var request = new ProgramRequest();
        request.Fetches.AddRange(fetches.Select(id => Graph[id]));
        request.Roots.AddRange((roots ?? []).Select(id => Graph[id]));
        request.HasCotangent.AddRange(request.Roots.Select(_ => cotangents));
        request.Wrt.AddRange((wrt ?? []).Select(id => Graph[id]));
        return request;
    }

    public byte[] Key(ProgramRequest request)
    {
        PlanKey.Write(request, _subgraph, _writer, _types, TypeOf);
        return _writer.Written.ToArray();
    }

    public CompiledProgram Compile(ProgramRequest request, int maxNodes = 1_000_000)
    {
        Key(request);
        return CompiledProgram.Compile(request, _subgraph, _types, maxNodes, CancellationToken.None);
    }

    /// <summary>Fetches, then gradients with null where absent; the pool is empty afterwards.</summary>
    public ConstantData?[] Run(ProgramRequest request, CompiledProgram program, params ConstantData[] cotangents)
    {
        Key(request);
        ConstantData[] sources = [.. _subgraph.Sources.Select(s => s.Op == StructuralOp.Constant ? Subgraph.ConstantOf(s) : Feeds[s.Id])];
        var forward = Execute(program.Forward, request.Split ? sources : [.. sources, .. cotangents]);
        var fetches = forward[..request.Fetches.Count];
        var gradients = forward[request.Fetches.Count..];
        if (request.Split)
            gradients = Execute(program.Backward!, [.. sources, .. cotangents, .. gradients]);
        var next = 0;
        return [.. fetches, .. program.Absent.Select(absent => absent ? null : gradients[next++])];
    }

    public ConstantData?[] Run(ProgramRequest request, params ConstantData[] cotangents) => Run(request, Compile(request), cotangents);

    /// <summary>Fetches, then gradients of the roots with cotangent 1, as doubles; null where absent.</summary>
    public double[]?[] Values(ulong[] fetches, ulong[]? roots = null, ulong[]? wrt = null) =>
        Array.ConvertAll(Run(Request(fetches, roots, wrt)), c => c?.As<double>().ToArray());

    public double[] Value(ulong fetch) => Values([fetch])[0]!;

    /// <summary>What <see cref="Run(ProgramRequest, ConstantData[])"/> must give, evaluated without plan, fusion or arena.</summary>
    public ConstantData?[] Interpret(ProgramRequest request, params ConstantData[] cotangents) => Interpret(request, cotangents, null);

    /// <param name="visit">Sees every node that is evaluated, its inputs' values and its own.</param>
    public ConstantData?[] Interpret(ProgramRequest request, ConstantData[] cotangents, Action<Node, ConstantData[], ConstantData>? visit)
    {
        Key(request);
        var builder = new GraphBuilder();
        var expansion = new Expansion(builder, _subgraph);
        expansion.Run(_types);
        List<ConstantData> inputs = [.. _subgraph.Sources.Select(s => s.Op == StructuralOp.Constant ? Subgraph.ConstantOf(s) : Feeds[s.Id]), .. cotangents];
        var roots = request.Roots.ConvertAll(v => expansion[v]);
        var seeds = new Node?[roots.Count];
        for (var i = 0; i < cotangents.Length; i++)
            seeds[i] = builder.Input(roots[i].DataType, roots[i].Shape, inputs.Count - cotangents.Length + i);
        var gradients = ReverseMode.Gradients(roots, seeds, request.Wrt.ConvertAll(v => expansion[v]));
        var values = Interpreter.Evaluate([.. request.Fetches.Select(v => expansion[v]), .. gradients.OfType<Node>()], inputs, visit);
        var next = request.Fetches.Count;
        return [.. values[..next], .. gradients.Select(g => g is null ? null : values[next++])];
    }

    public ConstantData[] Execute(Plan plan, IReadOnlyList<ConstantData> inputs)
    {
        var execution = PlanExecution.Rent(plan, Pool);
        for (var i = 0; i < inputs.Count; i++)
            execution.Bind(i, inputs[i]);
        if (Overwrites)
            WriteOver(execution, inputs);
        Assert.Equal(ExecutionStatus.Completed, execution.Run());
        var results = new ConstantData[plan.Outputs.Count];
        for (var i = 0; i < results.Length; i++)
        {
            using var tensor = execution.TakeTensor(i);
            results[i] = new ConstantData(tensor.DataType, tensor.Shape, tensor.AsBytes());
        }

        execution.Dispose();
        Assert.Empty(Pool.Ledger());
        return results;
    }

    public void Dispose() => Pool.Dispose();

    /// <summary>Gives each output the memory of an input that it may be written over, none twice.</summary>
    private void WriteOver(PlanExecution execution, IReadOnlyList<ConstantData> inputs)
    {
        var taken = new HashSet<int>();
        for (var o = 0; o < execution.Plan.Outputs.Count; o++)
        {
            if (execution.Plan.Overwritable[o].Where(taken.Add).Take(1).ToArray() is not [var slot])
                continue;
            using var copy = Tensor.FromBytes(Pool, inputs[slot].DataType, inputs[slot].Shape, inputs[slot].Bytes);
            execution.Bind(slot, copy);
            execution.GiveOutput(o, copy.Buffer.Retain());
            OverwrittenCount++;
        }
    }

    private NodeType TypeOf(NodeDefinition source)
    {
        if (source.Op == StructuralOp.Constant)
            return new NodeType(Subgraph.ConstantOf(source).DataType, Subgraph.ConstantOf(source).Shape);
        var type = (TensorType)source.Attributes.Find("type")!;
        return new NodeType(type.DataType, Feeds.TryGetValue(source.Id, out var fed) ? fed.Shape : type.Shape!);
    }
}
