using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>Losses and gradients of one slice: compiled and bound once, then executed again and again over the same memory.</summary>
internal sealed unsafe class SliceProgram : IDisposable
{
    private readonly List<(int Slot, int Source)> _slices = [];
    private readonly List<(int Slot, TrainedVariable Variable)> _variables = [];
    private readonly List<(TrainedVariable Variable, int Output)> _gradients = [];
    private readonly PooledBuffer? _number;
    private readonly Slices _data;

    public SliceProgram(GraphSession session, TrainRequest request, Slices data, long rows, TrainedVariable[] variables, CancellationToken cancellation)
    {
        _data = data;
        var bindings = new Bindings(session);
        bindings.Feed(request.Feeds);
        var fed = new Dictionary<NodeDefinition, int>();
        for (var i = 0; i < data.Count; i++)
            fed.Add(bindings.Announce(data.IdOf(i), data.TypeOf(i, rows)), i);
        var number = request.SliceInput == 0 ? null : AnnounceNumber(session, bindings, request.SliceInput);
        var program = session.Programs.Compile(p =>
        {
            p.Fusion = !request.CheckFinite;
            p.Fetches.AddRange(request.Roots.Select(r => session.Graph[r.Value]));
            p.Roots.AddRange(request.Roots.Select(r => session.Graph[r.Value]));
            p.HasCotangent.AddRange(request.Roots.Select(r => r.Cotangent is not null));
            p.Wrt.AddRange(variables.Select(v => session.Graph[v.Id]));
        }, bindings.TypeOf, cancellation, out var hit);
        IsCached = hit;
        if (program.Forward.HasCallouts)
            throw GradientsException.Precondition(ErrorReasons.CalloutUnavailable, "A loop runs without its client, and the graph has a Custom node: use single steps.");
        Ids = session.Programs.LastIds();
        Execution = PlanExecution.Rent(program.Forward, session.Host.Pool, session.Tenant.Bytes);
        try
        {
            bindings.Bind(Execution, session.Programs.LastSources);
            for (var slot = 0; slot < session.Programs.LastSources.Count; slot++)
            {
                var source = session.Programs.LastSources[slot];
                if (fed.TryGetValue(source, out var index))
                    _slices.Add((slot, index));
                else if (Array.Find(variables, v => v.Node == source) is { } variable)
                    _variables.Add((slot, variable));
                else if (source == number)
                    Execution.Bind(slot, (_number = session.Host.Pool.Rent(sizeof(long), "training", session.Tenant.Bytes)).Pointer);
            }

            var next = session.Programs.LastSources.Count;
            for (var i = 0; i < request.Roots.Count; i++)
            {
                if (request.Roots[i].Cotangent is { } cotangent)
                    Bindings.BindCotangent(Execution, next++, program.Roots[i], request.Roots[i].Value, cotangent);
            }

            next = request.Roots.Count;
            for (var i = 0; i < variables.Length; i++)
            {
                if (!program.Absent[i])
                    _gradients.Add((variables[i], next++));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public PlanExecution Execution { get; }

    public Plan Plan => Execution.Plan;

    public bool IsCached { get; }

    /// <summary>Node ids by position.</summary>
    public ulong[] Ids { get; }

    /// <summary>Binds the loaded slice and the variables as they are.</summary>
    public void Start(long slice)
    {
        Execution.Rewind();
        foreach (var (slot, source) in _slices)
            Execution.Bind(slot, _data.ElementsOf(source));
        foreach (var (slot, variable) in _variables)
            Execution.Bind(slot, variable.Value.Pointer);
        if (_number is not null)
            *(long*)_number.Pointer = slice;
        foreach (var (variable, output) in _gradients)
            variable.Lend(Execution, output);
    }

    /// <summary>Adds the gradients to the variables' sums.</summary>
    public void Collect()
    {
        foreach (var (variable, output) in _gradients)
            variable.Add(Execution, output);
    }

    /// <summary>A root's value; of one with several elements the sum of the elements times the cotangent's.</summary>
    public double LossOf(int root, Tensor? cotangent)
    {
        var (type, shape) = (Plan.Outputs[root].DataType, Plan.Outputs[root].Shape);
        var value = Execution.Output(root)!.Pointer;
        if (shape.ElementCount == 1)
            return At(type, value, 0);
        double sum = 0;
        for (long i = 0; i < shape.ElementCount; i++)
            sum += At(type, value, i) * At(type, cotangent!.Buffer.Pointer, i);
        return sum;
    }

    public void Dispose()
    {
        Execution.Dispose();
        _number?.Release();
    }

    private static double At(DataType type, byte* elements, long i) => type == DataType.Float32 ? ((float*)elements)[i] : ((double*)elements)[i];

    private static NodeDefinition AnnounceNumber(GraphSession session, Bindings bindings, ulong id)
    {
        var rank = (session.Graph[id].Node.Attributes.Find("type") as TensorType)?.Dimensions.Count ?? 0;
        return bindings.Announce(id, new NodeType(DataType.Int64, rank == 0 ? Shape.Scalar : new Shape([.. Enumerable.Repeat(1L, rank)])));
    }
}
