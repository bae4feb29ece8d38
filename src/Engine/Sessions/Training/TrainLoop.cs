using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>
/// The state of a loop: slice after slice and variable after variable is executed, and can be parked within any of them. A
/// step counts once every variable is updated; one that was not finished never was. Updates write over what they read: when
/// the first of a step has begun, the step ends. The session changes at the end.
/// </summary>
internal sealed class TrainLoop : IDisposable
{
    private readonly GraphSession _session;
    private readonly TrainRequest _request;
    private readonly CancellationToken _cancellation;
    private readonly List<StepScalars> _scalars = [];
    private readonly List<TrainedVariable> _variables = [];
    private readonly LossMeans _losses;
    private readonly long _slicesPerStep;
    private readonly Slices _slices;
    private SliceProgram _whole = null!;
    private SliceProgram? _remainder;
    private SliceProgram? _running;
    private GradientNorm[] _norms = [];
    private double _flopsPerStep;
    private long _paid;
    private long _slice;
    private int _updated;
    private bool _updating;
    private bool _reporting;

    private TrainLoop(GraphSession session, TrainRequest request, CancellationToken cancellation)
    {
        (_session, _request, _cancellation) = (session, request, cancellation);
        _slicesPerStep = Math.Max(1, request.MicroBatches);
        _slice = request.FirstStep * _slicesPerStep;
        _losses = new LossMeans(request.Roots.Count);
        Tally = new LoopTally(session.Host.Metrics);
        _slices = new Slices(request, session.Host.Pool, session.Tenant.Bytes);
    }

    /// <summary>Steps that were applied.</summary>
    public long Steps { get; private set; }

    public LoopTally Tally { get; }

    /// <summary>The program of whole slices.</summary>
    public SliceProgram Program => _whole;

    /// <summary>Checks the request, compiles, binds and takes the memory.</summary>
    public static TrainLoop Prepare(GraphSession session, TrainRequest request, CancellationToken cancellation)
    {
        var variables = TrainRequestCheck.Variables(session, request);
        var loop = new TrainLoop(session, request, cancellation);
        try
        {
            loop.Prepare(variables);
            return loop;
        }
        catch
        {
            loop.Dispose();
            throw;
        }
    }

    /// <summary>The id of the definition at a position of the program that runs.</summary>
    public ulong IdOf(int position) => _running is { } running && position < running.Ids.Length ? running.Ids[position] : 0;

    /// <summary>Goes on with a step; false when it was parked.</summary>
    public bool TryStep(long parkAt)
    {
        if (!_updating)
        {
            if (_paid == Steps)
            {
                _session.Tenant.Flops?.Take(_flopsPerStep);
                _paid++;
            }

            for (var end = (_request.FirstStep + _paid) * _slicesPerStep; _slice < end; _slice++)
            {
                if (!TrySlice(parkAt))
                    return false;
            }

            _reporting = _request.ReportEvery > 0 && _paid % _request.ReportEvery == 0 && _request.Observer is { IsReady: true };
            _norms = _request.ReportGradients && (_reporting || _paid == _request.Steps) ? [.. _variables.Select(v => v.NormOf())] : [];

            // What can fail comes before the first update.
            foreach (var variable in _variables)
            {
                if (variable.IsPresent)
                    variable.Ready();
            }

            (_updating, _updated) = (true, 0);
            StartUpdate();
        }

        // Of a loop without a whole step nothing is kept.
        var cancellation = Steps == 0 ? _cancellation : default;
        for (; _updated < _variables.Count; _updated++, StartUpdate())
        {
            var variable = _variables[_updated];
            if (variable.IsPresent && variable.Run(parkAt, _session.Host.Scheduler, cancellation) == ExecutionStatus.Parked)
                return false;
        }

        Apply();
        return true;
    }

    /// <summary>How far it has come; the mean losses begin anew.</summary>
    public TrainReport Report()
    {
        var step = _request.FirstStep + Steps;
        return new TrainReport(step, _slices.EpochOf((step * _slicesPerStep) - 1), _losses.Last(), _losses.TakeMeans(), _norms);
    }

    /// <summary>Hands the variables over to the session. Cannot fail.</summary>
    public List<VariableVersion> Commit()
    {
        var versions = new List<VariableVersion>(_variables.Count);
        foreach (var variable in _variables)
        {
            if (variable.Commit() is { } version)
                versions.Add(version);
        }

        return versions;
    }

    public void Dispose()
    {
        _whole?.Dispose();
        _remainder?.Dispose();
        _slices.Dispose();
        foreach (var variable in _variables)
            variable.Dispose();
        foreach (var scalars in _scalars)
            scalars.Dispose();
    }

    private void Prepare(ulong[] ids)
    {
        foreach (var id in ids)
        {
            var state = _session.StateOf(id);
            _variables.Add(new TrainedVariable(_session, state, _request.Optimizer, ScalarsOf(state.Type.DataType), _request.KeepGradients, _cancellation));
        }

        var variables = _variables.ToArray();
        _whole = new SliceProgram(_session, _request, _slices, _slices.Batch, variables, _cancellation);
        if (_slices.Remainder > 0)
            _remainder = new SliceProgram(_session, _request, _slices, _slices.Remainder, variables, _cancellation);
        _flopsPerStep = (_slicesPerStep * _whole.Plan.Flops) + _variables.Sum(v => v.Update.Flops);
        TrainRequestCheck.Flops(_flopsPerStep, _session);
        _session.Reserve(_variables.Sum(v => v.Growth));
        _whole.Execution.Reserve();
        _remainder?.Execution.Reserve();
    }

    private StepScalars ScalarsOf(DataType type)
    {
        if (_scalars.Find(s => s.Type == type) is { } known)
            return known;
        var scalars = new StepScalars(_request.Optimizer, type, _session.Host.Pool, _session.Tenant.Bytes);
        _scalars.Add(scalars);
        return scalars;
    }

    private bool TrySlice(long parkAt)
    {
        if (_running is null)
        {
            if (!_slices.TryLoad(_slice, parkAt, _cancellation))
                return false;
            _running = _slices.IsRemainder(_slice) ? _remainder! : _whole;
            _running.Start(_slice);
        }

        if (_running.Execution.Run(parkAt, _request.CheckFinite, _session.Host.Scheduler, _cancellation) == ExecutionStatus.Parked)
            return false;
        for (var i = 0; i < _request.Roots.Count; i++)
            _losses.Add(i, _running.LossOf(i, _request.Roots[i].Cotangent));
        _losses.EndSlice();
        _running.Collect();
        Tally.Computed(_running.Plan);
        _running = null;
        return true;
    }

    private void StartUpdate()
    {
        if (_updated < _variables.Count && _variables[_updated].IsPresent)
            _variables[_updated].Start();
    }

    /// <summary>Makes the step count. Cannot fail.</summary>
    private void Apply()
    {
        foreach (var variable in _variables)
        {
            if (!variable.IsPresent)
                continue;
            variable.Apply();
            Tally.Updated(variable.Update);
        }

        Tally.Stepped();
        _losses.EndStep();
        _updating = false;
        Steps++;
        if (_reporting)
            _request.Observer!.Take(Report());
    }
}
