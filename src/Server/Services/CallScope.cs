using Gradients.Engine;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.ObjectPool;

namespace Gradients.Server.Services;

/// <summary>What is known of a call: who calls, its span, and a token that also ends with the time allowed for draining.</summary>
internal sealed class CallScope : IDisposable
{
    private readonly Drain _drain;
    private readonly ObjectPool<CancellationTokenSource> _sources;
    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _aborted;
    private readonly CancellationTokenRegistration _drained;
    private OpenCalls? _open;
    private volatile bool _ended;
    private bool _entered;

    public CallScope(Caller caller, RequestActivity activity, Drain drain, ObjectPool<CancellationTokenSource> sources, CancellationToken aborted)
    {
        (Caller, Activity, _drain, _sources, _source) = (caller, activity, drain, sources, sources.Get());
        Cancellation = _source.Token;
        _aborted = EndWith(aborted);
        _drained = EndWith(drain.Aborted);
    }

    public Caller Caller { get; }

    public RequestActivity Activity { get; }

    /// <summary>Nobody may look at it when the call is over: its source serves the next.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>True = the call was cancelled by <see cref="EndAfter"/> and by nothing else.</summary>
    public bool IsTimedOut => Cancellation.IsCancellationRequested && !_ended;

    public static CallScope Of(ServerCallContext context) => context.GetHttpContext().Features.GetRequiredFeature<CallScope>();

    public void Attach(ServerCallContext context) => context.GetHttpContext().Features.Set(this);

    /// <summary>Counts the call in until disposed.</summary>
    /// <exception cref="GradientsException">DRAINING.</exception>
    public void Enter(OpenCalls? open = null)
    {
        _drain.Enter();
        (_entered, _open) = (true, open);
        open?.Enter();
    }

    /// <summary>Cancels the call with this token too, until what is returned is disposed, which must be before the call is over.</summary>
    public CancellationTokenRegistration EndWith(CancellationToken cancellation) => cancellation.UnsafeRegister(static scope => ((CallScope)scope!).End(), this);

    /// <summary>Cancels the call after this time, in place of the time given before.</summary>
    public void EndAfter(TimeSpan time) => _source.CancelAfter(time);

    public void Dispose()
    {
        _open?.Leave();
        if (_entered)
            _drain.Leave();
        // A cancellation that has begun is over before the source serves another call.
        _aborted.Dispose();
        _drained.Dispose();
        _sources.Return(_source);
        Activity.Dispose();
    }

    private void End()
    {
        _ended = true;
        _source.Cancel();
    }
}
