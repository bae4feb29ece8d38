using System.Threading.Channels;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Services;
using Gradients.Server.Sessions.Commands;
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
    // What a message needs around one result.
    private const int Envelope = 256;

    private readonly CancellationTokenSource _reading = new();
    private readonly CancellationTokenSource _working = CancellationTokenSource.CreateLinkedTokenSource(CallScope.Of(call).Cancellation, session.Closed);
    private readonly Channel<Pending> _results = Channel.CreateUnbounded<Pending>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly CommandsInFlight _commands = new();
    private readonly List<Pending> _started = [];
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
        using var ending = _working.Token.UnsafeRegister(static c => ((CommandsInFlight)c!).CancelAll(), _commands);
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
            PassOn();
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
                    var room = _unwritten.WaitAsync(cancellation);
                    if (!room.IsCompletedSuccessfully || _started.Count >= ResultBatch.MaxResults)
                        PassOn();
                    await room;
                    message.Retain();
                    _started.Add(Start(command, message));
                }
            }
            finally
            {
                message.Release();
            }
        }
        while (await NextAsync(requests, cancellation));
    }

    /// <summary>Reads on; what was started is passed on first when there is nothing to read yet.</summary>
    private Task<bool> NextAsync(IAsyncStreamReader<V1.InteractRequest> requests, CancellationToken cancellation)
    {
        var next = requests.MoveNext(cancellation);
        if (!next.IsCompleted || _started.Count >= ResultBatch.MaxResults)
            PassOn();
        return next;
    }

    /// <summary>Lets the writing loop see what was started, some at a time: it would send each result by itself.</summary>
    private void PassOn()
    {
        foreach (var started in _started)
            _results.Writer.TryWrite(started);
        _started.Clear();
    }

    private Pending Start(V1.SessionCommand wire, MessageHold message)
    {
        var command = new StreamCommand(wire, call, drain, time);
        return new Pending(command, ExecuteAsync(command, message));
    }

    /// <summary>Executes one command; every failure is its own result.</summary>
    private async Task<Outcome> ExecuteAsync(StreamCommand command, MessageHold message)
    {
        using var _ = command;
        var wire = _wire.CreateReply();
        command.Activity.SetSession(session.Name);
        _commands.Add(command);
        var isCancel = command.Wire.CommandCase == V1.SessionCommand.CommandOneofCase.Cancel;
        try
        {
            if (isCancel)
                return new Outcome(new Reply(new V1.CancelResponse { Commands = (uint)_commands.Cancel(command.Wire.Cancel.Tag, besides: command) }), wire, null);
            if (Interlocked.Increment(ref _inFlight) > options.MaxQueuedCommands)
                throw Busy();
            var executed = StreamCommands.Read(command.Wire);
            command.Reports = executed.Reports;
            var reply = await executed.RunAsync(session, new CommandContext(host, options, command.Activity.Context, wire, command, command.Cancellation));
            if (reply.Replayed)
                command.Activity.SetReplayed();
            return new Outcome(reply, wire, null);
        }
        catch (Exception e)
        {
            wire.Dispose();
            var status = command.StatusOf(e, out var fault);
            if (fault)
                logger.Faulted(e, StreamCommand.NameOf(command.Wire.CommandCase), command.TraceId);
            var reason = ErrorStatus.ReasonOf(status);
            command.Activity.SetError(reason);
            metrics.Refused(reason);
            return new Outcome(null, wire, status);
        }
        finally
        {
            command.Reports?.Complete();
            _commands.Remove(command);
            if (!isCancel)
                Interlocked.Decrement(ref _inFlight);
            message.Release();
        }
    }

    private GradientsException Busy() =>
        new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionBusy, $"{options.MaxQueuedCommands} commands of this stream wait already; try again when some are answered.")
            .Limited("max_queued_commands", (options.MaxQueuedCommands + 1).ToString(), session.Subject, TimeSpan.FromMilliseconds(50));

    private async Task WriteAsync(IServerStreamWriter<V1.InteractResponse> responses, ITimer idle)
    {
        var batch = new ResultBatch();
        WireCharge? unsent = null;

        async Task SendAsync()
        {
            if (batch.IsEmpty)
                return;
            await responses.WriteAsync(batch.Message, _working.Token);
            if (batch.Commands > 0)
                _unwritten.Release(batch.Commands);
            batch.Sent();
            idle.Change(options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);
            session.Touch(time.GetUtcNow());
        }

        try
        {
            while (await _results.Reader.WaitToReadAsync())
            {
                while (_results.Reader.TryPeek(out var next))
                {
                    if (!next.Outcome.IsCompleted)
                        await SendAsync();
                    if (next.Command.Reports is { } reports)
                    {
                        await foreach (var report in reports.Reader.ReadAllAsync())
                        {
                            batch.Add(new V1.CommandResult { Tag = next.Command.Wire.Tag, TraceId = next.Command.TraceId, Train = TrainCommand.Write(report) });
                            if (batch.IsFull || reports.Reader.Count == 0)
                                await SendAsync();
                        }
                    }

                    // Taken only now: when sending fails, every reply that is left is given back from the queue.
                    _results.Reader.TryRead(out _);
                    var outcome = await next.Outcome;
                    unsent = outcome.Wire;
                    var result = Result(next.Command, outcome);
                    if (!batch.HasRoomFor(result))
                        await SendAsync();
                    batch.Add(result, unsent);
                }

                await SendAsync();
            }
        }
        catch
        {
            // Nobody reads any more: stop what is in flight and give back what was to be sent.
            await _working.CancelAsync();
            batch.Sent();
            unsent?.Dispose();
            await foreach (var left in _results.Reader.ReadAllAsync())
            {
                var outcome = await left.Outcome;
                outcome.Reply?.Dispose();
                outcome.Wire.Dispose();
            }

            throw;
        }
    }

    /// <summary>The result as a message; the reply's tensors are copied and given back.</summary>
    private V1.CommandResult Result(StreamCommand command, Outcome outcome)
    {
        var result = new V1.CommandResult { Tag = command.Wire.Tag, TraceId = command.TraceId };
        if (outcome.Reply is not { } reply)
        {
            result.Error = outcome.Error;
            return result;
        }

        using (reply)
        {
            try
            {
                host.Metrics.Sent(reply.Fill(options.MaxMessageBytes - Envelope, outcome.Wire));
                result.Replayed = reply.Replayed;
                StreamCommands.Write(result, reply.Message);
            }
            catch (GradientsException e)
            {
                result.Error = ErrorStatus.Of(e, command.TraceId);
            }
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

    private readonly record struct Pending(StreamCommand Command, Task<Outcome> Outcome);

    private readonly record struct Outcome(Reply? Reply, WireCharge Wire, Status? Error);
}
