using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Services;
using Gradients.Server.Telemetry;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Sessions;

/// <summary>A command of a stream from its arrival to its result: how it can be cancelled, and what its exceptions mean.</summary>
internal sealed class StreamCommand : IFailures, IDisposable
{
    private static readonly string[] Names = MakeNames();

    private readonly ServerCallContext _call;
    private readonly Drain _drain;
    private readonly CancellationTokenSource _source;
    private bool _cancelled;

    public StreamCommand(V1.SessionCommand command, ServerCallContext call, Drain drain, TimeProvider time)
    {
        Wire = command;
        (_call, _drain) = (call, drain);
        var parent = command.Trace is { } trace ? RequestActivity.Parse(trace.Traceparent, trace.Tracestate) : default;
        Activity = RequestActivity.Start(NameOf(command.CommandCase), parent.TraceId == default ? CallScope.Of(call).Activity.Context : parent);
        TraceId = Activity.TraceId;
        _source = command.Timeout is null ? new CancellationTokenSource() : new CancellationTokenSource(Timeouts.Bound(command.Timeout.ToTimeSpan()), time);
    }

    public V1.SessionCommand Wire { get; }

    public RequestActivity Activity { get; }

    public string TraceId { get; }

    public CancellationToken Cancellation => _source.Token;

    /// <summary>Reports that precede the result; set before the command waits for anything.</summary>
    public ReportQueue? Reports { get; set; }

    /// <summary>The name of a command, which is made once.</summary>
    public static string NameOf(V1.SessionCommand.CommandOneofCase command) => Names[(int)command];

    public void Cancel()
    {
        Volatile.Write(ref _cancelled, true);
        _source.Cancel();
    }

    public Status StatusOf(Exception e) => StatusOf(e, out _);

    /// <param name="fault">True when the exception is none that a command may end with.</param>
    public Status StatusOf(Exception e, out bool fault)
    {
        var cancelled = Volatile.Read(ref _cancelled);
        var timedOut = (_source.IsCancellationRequested && !cancelled) || _call.Deadline <= TimeProvider.System.GetUtcNow().UtcDateTime;
        return Failure.Of(e, timedOut, cancelled, _drain, TraceId, out fault);
    }

    public void Dispose()
    {
        _source.Dispose();
        Activity.Dispose();
    }

    private static string[] MakeNames()
    {
        var cases = Enum.GetValues<V1.SessionCommand.CommandOneofCase>();
        var names = new string[1 + cases.Max(c => (int)c)];
        foreach (var command in cases)
            names[(int)command] = command.ToString();
        return names;
    }
}
