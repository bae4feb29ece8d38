using System.Runtime.InteropServices;
using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>
/// A variable while a loop steps it: value, gradient sum and optimizer state in buffers of the loop's own, which updates write
/// over. The session's state changes at the end of the loop.
/// </summary>
internal sealed unsafe class TrainedVariable : IDisposable
{
    private readonly VariableState _state;
    private readonly Optimizer _optimizer;
    private readonly StepScalars _scalars;
    private readonly PlanExecution _update;
    private readonly PooledBuffer[] _moments;
    private PooledBuffer? _sum;
    private PooledBuffer? _spare;
    private long _step;
    private long _applied;

    /// <param name="keepGradient">The sum begins with the gradient that the variable has.</param>
    public TrainedVariable(GraphSession session, VariableState state, Optimizer optimizer, StepScalars scalars, bool keepGradient, CancellationToken cancellation)
    {
        (_state, _optimizer, _scalars) = (state, optimizer, scalars);
        var value = state.Value ?? throw GradientsException.Precondition(ErrorReasons.VariableNotSet, $"Variable {state.Definition.Id} has no value: set it first.").With("node", state.Definition.Id.ToString());
        var fresh = state.OptimizerKind != optimizer.Kind;
        _step = fresh ? 0 : state.OptimizerStep;
        _moments = new PooledBuffer[optimizer.StateCount];
        _update = PlanExecution.Rent(session.Programs.OptimizerPlan(optimizer, state.Type, cancellation), session.Host.Pool, session.Tenant.Bytes);
        Value = value.Buffer.Retain();
        try
        {
            if (keepGradient)
                _sum = state.Gradient?.Buffer.Retain();
            for (var i = 0; i < _moments.Length; i++)
                _moments[i] = fresh ? Zeros(session, value.ByteCount) : state.OptimizerState[i].Buffer.Retain();
            for (var i = 0; i < optimizer.ScalarCount; i++)
                _update.Bind(2 + _moments.Length + i, scalars[i]);
            BindState();
            _update.Reserve();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ulong Id => _state.Definition.Id;

    public NodeDefinition Node => _state.Definition;

    /// <summary>The elements as of the last step applied.</summary>
    public PooledBuffer Value { get; private set; }

    /// <summary>Bytes of optimizer state that the session does not hold yet.</summary>
    public long Growth => (_moments.Length * Bytes) - _state.OptimizerState.Sum(t => t.ByteCount);

    /// <summary>The plan of one update.</summary>
    public Plan Update => _update.Plan;

    /// <summary>Whether a gradient has flowed in this step.</summary>
    public bool IsPresent => _sum is not null;

    private long Bytes => _state.Type.Shape.ElementCount * _state.Type.DataType.Size();

    /// <summary>Gives a program that has no buffer for the gradient the one that is free.</summary>
    public void Lend(PlanExecution program, int output)
    {
        if (_spare is null || program.Output(output) is not null)
            return;
        program.GiveOutput(output, _spare);
        _spare = null;
    }

    /// <summary>sum += gradient; the first of a step is the sum. What someone else reads is replaced, not written.</summary>
    public void Add(PlanExecution program, int output)
    {
        if (_sum is { IsExclusive: true } sum)
        {
            GradientSum.Add(_state.Type.DataType, _state.Type.Shape.ElementCount, sum, program.Output(output)!, sum);
            return;
        }

        var gradient = program.TakeOutput(output);
        if (_sum is { } shared)
        {
            GradientSum.Add(_state.Type.DataType, _state.Type.Shape.ElementCount, shared, gradient, gradient);
            shared.Release();
        }

        _sum = gradient;
    }

    public GradientNorm NormOf() => _sum is null ? new(Id, true, double.NaN, true) : Statistics(_sum);

    /// <summary>Binds the update of this step and takes its memory.</summary>
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public void Ready()
    {
        _update.Rewind();
        _update.Bind(1, _sum!.Pointer);
        BindState();
        _update.Reserve();
    }

    /// <summary>Sets the scalars, which all variables share.</summary>
    public void Start() => _scalars.Set(_step + 1);

    public ExecutionStatus Run(long parkAt, Scheduler helpers, CancellationToken cancellation) => _update.Run(parkAt, helpers: helpers, cancellation: cancellation);

    /// <summary>Makes the update the variable's state. Cannot fail.</summary>
    public void Apply()
    {
        Value = Exchange(0, Value);
        for (var i = 0; i < _moments.Length; i++)
            _moments[i] = Exchange(1 + i, _moments[i]);
        if (_sum!.IsExclusive && _spare is null)
            _spare = _sum;
        else
            _sum.Release();
        _sum = null;
        _step++;
        _applied++;
    }

    /// <summary>Hands over to the session; null when no step has touched the variable. Cannot fail.</summary>
    public VariableVersion? Commit()
    {
        _state.SetGradient(null);
        if (_applied == 0)
            return null;
        var type = _state.Type;
        var moments = Array.ConvertAll(_moments, m => new Tensor(type.DataType, type.Shape, m.Retain()));
        _state.SetOptimizer(_optimizer.Kind, moments, _step);
        return new VariableVersion(Id, _state.Set(new Tensor(type.DataType, type.Shape, Value.Retain()), _applied));
    }

    public void Dispose()
    {
        _update.Dispose();
        Value.Release();
        foreach (var moment in _moments)
            moment?.Release();
        _sum?.Release();
        _spare?.Release();
    }

    private static PooledBuffer Zeros(GraphSession session, long bytes)
    {
        var zeros = session.Host.Pool.Rent(bytes, "optimizer", session.Tenant.Bytes);
        NativeMemory.Clear(zeros.Pointer, (nuint)bytes);
        return zeros;
    }

    private GradientNorm Statistics(PooledBuffer gradient)
    {
        using var tensor = new Tensor(_state.Type.DataType, _state.Type.Shape, gradient.Retain());
        var (norm, finite) = GradientStatistics.Of(tensor);
        return new GradientNorm(Id, false, norm, finite);
    }

    private void BindState()
    {
        Bind(0, 0, Value);
        for (var i = 0; i < _moments.Length; i++)
            Bind(2 + i, 1 + i, _moments[i]);
    }

    /// <summary>Binds a buffer, which is written as well where the plan allows that and nobody else reads it: half the memory, and less of it to fetch.</summary>
    private void Bind(int input, int output, PooledBuffer buffer)
    {
        _update.Bind(input, buffer.Pointer);
        if (_update.Output(output) is null && buffer.IsExclusive && _update.Plan.Overwritable[output].Contains(input))
            _update.GiveOutput(output, buffer.Retain());
    }

    /// <summary>The buffer that was written, for the one that was read; if they are two, that one is written next unless someone else reads it.</summary>
    private PooledBuffer Exchange(int output, PooledBuffer read)
    {
        var written = _update.TakeOutput(output);
        if (read.IsExclusive)
            _update.GiveOutput(output, read);
        else
            read.Release();
        return written;
    }
}
