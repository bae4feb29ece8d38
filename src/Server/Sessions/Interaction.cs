using System.Threading.Channels;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Services;
using Gradients.Server.Telemetry;
using Gradients.Server.Wire;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Sessions;

/// <summary>
/// One Interact stream. A loop reads commands and starts each without waiting for the one before; the session's queue keeps
/// their order. A second loop writes results in that order. The stream ends when the client has closed its side and all is
/// written, or early for one cause: taken over, idle, draining, session ended.
/// </summary>
internal sealed class Interaction(ServerSession session, EngineHost host, GradientsServerOptions options, Drain drain, TimeProvider time, RequestMetrics metrics, ServerCallContext call, ILogger logger) : IDisposable
{
    // Results that are ready together travel together while they are small.
    private const int MaxBatch = 64;
    private const int BatchBytes = 1 << 16;

    // What a message needs around one result.
    private const int Envelope = 256;

    private readonly CancellationTokenSource _reading = new();
    private readonly CancellationTokenSource _working = CancellationTokenSource.CreateLinkedTokenSource(CallScope.Of(call).Cancellation, session.Closed);
    private readonly Channel<Task<Outcome>> _results = Channel.CreateUnbounded<Task<Outcome>>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly SemaphoreSlim _unwritten = new(2 * options.MaxQueuedCommands);
    private readonly WireLease _wire = TenantCall.Of(call).Wire;
    private readonly Lock _gate = new();
    private GradientsException? _cause;
    private int _inFlight;

    /// <summary>Ends this stream in favour of another; what is in flight is cancelled.</summary>
    public void TakeOver() =>
        End(new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionTakenOver, "Another stream owns the session now."), finish: false);

    public async Task RunAsync(IAsyncStreamReader<V1.InteractRequest> requests, IServerStreamWriter<V1.InteractResponse> responses)
    {
        session.Attach(this);
        using var idle = time.CreateTimer(_ => Idle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using var draining = drain.Started.Register(() => End(Drain.Refusal(), finish: true));
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(_reading.Token, _working.Token);
        var writing = WriteAsync(responses, idle);
        try
        {
            await ReadAsync(requests, idle, reading.Token);
        }
        catch (OperationCanceledException) when (_cause is not null)
        {
        }
        catch
        {
            // The call is over: what is in flight has nobody to answer.
            await _working.CancelAsync();
            throw;
        }
        finally
        {
            _results.Writer.Complete();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            session.Detach(this);
        }

        if (_cause is not null)
            throw _cause;
        await writing;
        _working.Token.ThrowIfCancellationRequested();
    }

    public void Dispose()
    {
        _working.Dispose();
        _reading.Dispose();
        _unwritten.Dispose();
    }

    private async Task ReadAsync(IAsyncStreamReader<V1.InteractRequest> requests, ITimer idle, CancellationToken cancellation)
    {
        // The first message was read by the service to find the session.
        do
        {
            idle.Change(options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);
            session.Touch(time.GetUtcNow());
            if (requests.Current.Session.Length > 0 && requests.Current.Session != session.Name)
                throw Refusals.Field("session", "a stream belongs to one session.");
            var message = new MessageHold(_wire.TakeReceived());
            try
            {
                foreach (var command in requests.Current.Commands)
                {
                    // Refusals, too, wait for the client to read: a client that never does stops being read.
                    await _unwritten.WaitAsync(cancellation);
                    var accepted = Interlocked.Increment(ref _inFlight) <= options.MaxQueuedCommands;
                    message.Retain();
                    _results.Writer.TryWrite(ExecuteAsync(command, message, accepted));
                }
            }
            finally
            {
                message.Release();
            }
        }
        while (await requests.MoveNext(cancellation));
    }

    /// <summary>Executes one command; every failure is its own result.</summary>
    private async Task<Outcome> ExecuteAsync(V1.SessionCommand command, MessageHold message, bool accepted)
    {
        var parent = command.Trace is { } trace ? RequestActivity.Parse(trace.Traceparent, trace.Tracestate) : default;
        using var activity = RequestActivity.Start(command.CommandCase.ToString(), parent.TraceId == default ? CallScope.Of(call).Activity.Context : parent);
        activity.SetSession(session.Name);
        using var timeout = command.Timeout is null ? null : new CancellationTokenSource(Bound(command.Timeout.ToTimeSpan()), time);
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(_working.Token, timeout?.Token ?? default);
        var wire = _wire.CreateReply();
        try
        {
            if (!accepted)
                throw Busy();
            var reply = await StreamCommands.Read(command).RunAsync(session, new CommandContext(host, options, activity.Context, wire, cancellation.Token));
            if (reply.Replayed)
                activity.SetReplayed();
            return new Outcome(command.Tag, activity.TraceId, reply, wire, null);
        }
        catch (Exception e)
        {
            wire.Dispose();
            var timedOut = timeout?.IsCancellationRequested == true || call.Deadline <= TimeProvider.System.GetUtcNow().UtcDateTime;
            var status = Failure.Of(e, timedOut, _working.IsCancellationRequested, drain, activity.TraceId, out var fault);
            if (fault)
                logger.Faulted(e, command.CommandCase.ToString(), activity.TraceId);
            var reason = ErrorStatus.ReasonOf(status);
            activity.SetError(reason);
            metrics.Refused(reason);
            return new Outcome(command.Tag, activity.TraceId, null, wire, status);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
            message.Release();
        }
    }

    private GradientsException Busy() =>
        new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionBusy, $"{options.MaxQueuedCommands} commands of this stream wait already; try again when some are answered.")
            .Limited("max_queued_commands", (options.MaxQueuedCommands + 1).ToString(), session.Subject, TimeSpan.FromMilliseconds(50));

    private async Task WriteAsync(IServerStreamWriter<V1.InteractResponse> responses, ITimer idle)
    {
        var batch = new V1.InteractResponse();
        var filled = new List<WireCharge>();
        WireCharge? unsent = null;

        void Sent()
        {
            foreach (var wire in filled)
                wire.Dispose();
            filled.Clear();
        }

        async Task SendAsync()
        {
            if (batch.Results.Count == 0)
                return;
            await responses.WriteAsync(batch, _working.Token);
            _unwritten.Release(batch.Results.Count);
            batch = new V1.InteractResponse();
            Sent();
            idle.Change(options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);
            session.Touch(time.GetUtcNow());
        }

        try
        {
            while (await _results.Reader.WaitToReadAsync())
            {
                while (_results.Reader.TryPeek(out var next))
                {
                    if (batch.Results.Count > 0 && !next.IsCompleted)
                        await SendAsync();

                    // Taken only now: when sending fails, every reply that is left is given back from the queue.
                    _results.Reader.TryRead(out _);
                    var outcome = await next;
                    unsent = outcome.Wire;
                    var result = Result(outcome);
                    if (batch.CalculateSize() + result.CalculateSize() > BatchBytes || batch.Results.Count == MaxBatch)
                        await SendAsync();
                    batch.Results.Add(result);
                    filled.Add(unsent);
                }

                await SendAsync();
            }
        }
        catch
        {
            // Nobody reads any more: stop what is in flight and give back what was to be sent.
            await _working.CancelAsync();
            Sent();
            unsent?.Dispose();
            await foreach (var left in _results.Reader.ReadAllAsync())
            {
                var outcome = await left;
                outcome.Reply?.Dispose();
                outcome.Wire.Dispose();
            }

            throw;
        }
    }

    /// <summary>The result as a message; the reply's tensors are held until <see cref="Outcome.Wire"/> is disposed.</summary>
    private V1.CommandResult Result(Outcome outcome)
    {
        var result = new V1.CommandResult { Tag = outcome.Tag, TraceId = outcome.TraceId };
        if (outcome.Reply is not { } reply)
        {
            result.Error = outcome.Error;
            return result;
        }

        outcome.Wire.Own(reply);
        try
        {
            host.Metrics.Sent(reply.Fill(options.MaxMessageBytes - Envelope, outcome.Wire));
            result.Replayed = reply.Replayed;
            StreamCommands.Write(result, reply.Message);
        }
        catch (GradientsException e)
        {
            result.Error = ErrorStatus.Of(e, outcome.TraceId);
        }

        return result;
    }

    private void Idle()
    {
        if (Volatile.Read(ref _inFlight) == 0)
            End(new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.StreamIdleTimeout, $"The stream had no traffic for {options.StreamIdleTimeout}."), finish: true);
    }

    /// <param name="finish">True = what is in flight may finish; false = it is cancelled.</param>
    private void End(GradientsException cause, bool finish)
    {
        lock (_gate)
        {
            if (_cause is not null)
                return;
            _cause = cause;
        }

        try
        {
            _reading.Cancel();
            if (!finish)
                _working.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The stream ended by itself at the same moment.
        }
    }

    private static TimeSpan Bound(TimeSpan timeout) =>
        timeout <= TimeSpan.Zero ? TimeSpan.FromTicks(1) : timeout > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : timeout;

    private readonly record struct Outcome(ulong Tag, string TraceId, Reply? Reply, WireCharge Wire, Status? Error);
}
