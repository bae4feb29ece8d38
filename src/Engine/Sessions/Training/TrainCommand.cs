using System.Diagnostics;
using Gradients.Engine.Execution;

namespace Gradients.Engine.Sessions.Training;

/// <summary>A loop in a session's queue: prepared once, then stepped in time slices like any other work.</summary>
internal sealed class TrainCommand(GraphSession session, TrainRequest request, CancellationToken cancellation)
    : SessionCommand<TrainResult>(session, request, cancellation)
{
    private TrainLoop? _loop;
    private long _planBegan;
    private long _began;

    protected override WorkStatus Advance(long parkAt, out TrainResult result)
    {
        result = null!;
        if (_loop is null)
        {
            _planBegan = Stopwatch.GetTimestamp();
            _loop = TrainLoop.Prepare(Session, request, Cancellation);
            _began = Stopwatch.GetTimestamp();
        }

        Exception? stopped = null;
        try
        {
            while (_loop.Steps < request.Steps)
            {
                if (!_loop.TryStep(parkAt) || (_loop.Steps < request.Steps && Stopwatch.GetTimestamp() >= parkAt))
                    return WorkStatus.Parked;
            }
        }
        catch (Exception e) when (_loop.Steps > 0 && e is GradientsException or OperationCanceledException)
        {
            // The steps that were applied stay; the one that was not finished leaves no trace.
            stopped = e;
            Locate(e);
        }
        finally
        {
            _loop.Tally.Flush();
        }

        result = new TrainResult(_loop.Steps, stopped, _loop.Report(), _loop.Commit());
        Session.Count();
        Record(result, _loop);
        return WorkStatus.Done;
    }

    protected override ulong IdOf(int position) => _loop?.IdOf(position) ?? 0;

    protected override void Release()
    {
        _loop?.Dispose();
        _loop = null;
    }

    private void Record(TrainResult result, TrainLoop loop)
    {
        if (!GradientsActivities.IsRecorded(request.Trace))
            return;
        GradientsActivities.Record(GradientsActivities.Plan, request.Trace, _planBegan, _began, new("gradients.plan.cached", loop.Program.IsCached), new("gradients.plan.instructions", loop.Program.Plan.Instructions.Count));
        GradientsActivities.Record(
            GradientsActivities.Train,
            request.Trace,
            _began,
            Stopwatch.GetTimestamp(),
            new("gradients.steps", result.Steps),
            new("gradients.optimizer", request.Optimizer.Kind),
            new("gradients.variables", result.Versions.Count),
            new("gradients.bytes", loop.Tally.Bytes),
            new("gradients.flops", loop.Tally.Flops));
    }
}
