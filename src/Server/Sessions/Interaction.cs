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
/// their order. A second loop writes results in that order, a third what goes ahead of them. The stream ends when the client
/// has closed its side and all is written, or early for one cause: taken over, idle, draining, session ended.
/// </summary>
internal sealed class Interaction(ServerSession session, EngineHost host, GradientsServerOptions options, Drain drain, TimeProvider time, RequestMetrics metrics, ServerCallContext call, ILogger logger) : IDisposable
{
    // What a message needs around one result.
    private const int Envelope = 256;

    private readonly StreamLife _life = new(options, drain, time, CallScope.Of(call).Cancellation, session.Closed);
    private readonly Channel<Pending> _results = Channel.CreateUnbounded<Pending>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly CommandsInFlight _commands = new();
    private readonly List<Pending> _started = [];
    private readonly SemaphoreSlim _unwritten = new(2 * options.MaxQueuedCommands);
    private readonly SemaphoreSlim _writing = new(1);
    private readonly WireLease _wire = TenantCall.Of(call).Wire;

    public StreamCallouts Callouts { get; } = new(session, host, options, time, TenantCall.Of(call).Wire);

    /// <summary>Ends this stream in favour of another; what is in flight is cancelled.</summary>
    public void TakeOver() =>
        _life.End(new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionTakenOver, "Another stream owns the session now."), finish: false);

    /// <summary>The session has no command any more: a stream that drains has nothing left to wait for.</summary>
    public void Settle() => _life.Settle();

    /// <summary>Ends this stream for what its client did; what is in flight may finish.</summary>
    public void End(GradientsException cause) => _life.End(cause, finish: true);

    public async Task RunAsync(IAsyncStreamReader<V1.InteractRequest> requests, IServerStreamWriter<V1.InteractResponse> responses)
    {
        session.Attach(this);
        _life.IsBusy = () => !Callouts.IsEmpty;
        _life.NeedsReading = () => session.HasCommands;
        using var ending = _life.Working.UnsafeRegister(static c => ((CommandsInFlight)c!).CancelAll(), _commands);
        var ahead = WriteAheadAsync(responses);
        try
        {
            var writing = WriteAsync(responses);
            await _life.RunAsync(ReadAsync(requests), Complete, writing);
        }
        finally
        {
            Callouts.Ahead.Writer.Complete();
            await ahead;
            session.Detach(this);
        }
    }

    public void Dispose()
    {
        _life.Dispose();
        _unwritten.Dispose();
        _writing.Dispose();
    }

    private void Complete()
    {
        PassOn();
        Callouts.Close(() => drain.IsDraining ? Drain.Refusal() : StreamCallouts.Unavailable());
        _results.Writer.Complete();
    }

    private async Task ReadAsync(IAsyncStreamReader<V1.InteractRequest> requests)
    {
        // The first message was read by the service to find the session.
        do
        {
            _life.Touch();
            session.Touch(time.GetUtcNow());
            if (requests.Current.Session.Length > 0 && requests.Current.Session != session.Name)
                throw Refusals.Field("session", "a stream belongs to one session.");
            var message = new MessageHold(_wire.TakeReceived());
            try
            {
                foreach (var command in requests.Current.Commands)
                {
                    if (command.CalloutReply is { } answer && Callouts.TryAnswer(answer))
                        continue;

                    // As if it had not been read: it has no result, and the stream ends with DRAINING.
                    if (_life.IsLeaving)
                        continue;

                    // Refusals, too, wait for the client to read: a client that never does stops being read.
                    var room = _unwritten.WaitAsync(_life.Reading);
                    if (!room.IsCompletedSuccessfully || _started.Count >= ResultBatch.MaxResults)
                        PassOn();
                    await room;
                    message.Retain();
                    var refusal = Enter(command);
                    var started = Start(command, message, refusal);
                    if (refusal is null)
                        _started.Add(started);
                    else
                        Callouts.Ahead.Writer.TryWrite(new Ahead(Result(started.Command, await started.Outcome), _wire.CreateReply(), IsResult: true));
                }
            }
            finally
            {
                message.Release();
            }
        }
        while (await NextAsync(requests));
    }

    /// <summary>Reads on; what was started is passed on first when there is nothing to read yet.</summary>
    private Task<bool> NextAsync(IAsyncStreamReader<V1.InteractRequest> requests)
    {
        var next = requests.MoveNext(_life.Reading);
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

    /// <summary>Counts a command as in flight and tells why it is refused; one that cancels others is neither.</summary>
    private GradientsException? Enter(V1.SessionCommand command) =>
        IsCancel(command) ? null : _life.Begin() > options.MaxQueuedCommands ? Busy() : Callouts.Nested(command.InsideCallout);

    private static bool IsCancel(V1.SessionCommand command) => command.CommandCase == V1.SessionCommand.CommandOneofCase.Cancel;

    private Pending Start(V1.SessionCommand wire, MessageHold message, GradientsException? refusal)
    {
        var command = new StreamCommand(wire, call, drain, time);
        return new Pending(command, ExecuteAsync(command, message, refusal));
    }

    /// <summary>Executes one command; every failure is its own result.</summary>
    private async Task<Outcome> ExecuteAsync(StreamCommand command, MessageHold message, GradientsException? refusal)
    {
        using var _ = command;
        var wire = _wire.CreateReply();
        command.Activity.SetSession(session.Name);
        _commands.Add(command);
        try
        {
            if (refusal is not null)
                throw refusal;
            if (IsCancel(command.Wire))
                return new Outcome(new Reply(new V1.CancelResponse { Commands = (uint)_commands.Cancel(command.Wire.Cancel.Tag, besides: command) }), wire, null);
            var executed = StreamCommands.Read(command.Wire);
            command.Reports = executed.Reports;
            var reply = await executed.RunAsync(session, new CommandContext(host, options, command.Activity.Context, wire, command, command.Cancellation, command.Wire.Tag));
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
            if (!IsCancel(command.Wire))
                _life.Done();
            message.Release();
        }
    }

    private GradientsException Busy() =>
        new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionBusy, $"{options.MaxQueuedCommands} commands of this stream wait already; try again when some are answered.")
            .Limited("max_queued_commands", (options.MaxQueuedCommands + 1).ToString(), session.Subject, TimeSpan.FromMilliseconds(50));

    private async Task WriteAsync(IServerStreamWriter<V1.InteractResponse> responses)
    {
        var batch = new ResultBatch();
        WireCharge? unsent = null;

        async Task SendAsync()
        {
            if (batch.IsEmpty)
                return;
            await WriteAsync(responses, batch.Message);
            if (batch.Commands > 0)
                _unwritten.Release(batch.Commands);
            batch.Sent();
            _life.Touch();
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
                            var reported = new V1.CommandResult { Tag = next.Command.Wire.Tag, TraceId = next.Command.TraceId, Train = TrainCommand.Write(report) };
                            batch.Add(reported, reported.CalculateSize());
                            if (batch.IsFull || reports.Reader.Count == 0)
                                await SendAsync();
                        }
                    }

                    // Taken only now: when sending fails, every reply that is left is given back from the queue.
                    _results.Reader.TryRead(out _);
                    var outcome = await next.Outcome;
                    unsent = outcome.Wire;
                    var result = Result(next.Command, outcome);
                    var bytes = result.CalculateSize();
                    if (!batch.HasRoomFor(bytes))
                        await SendAsync();
                    batch.Add(result, bytes, unsent);
                }

                await SendAsync();
            }
        }
        catch
        {
            // Nobody reads any more: stop what is in flight and give back what was to be sent.
            await _life.CancelAsync();
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

    /// <summary>Call-outs and refusals, as they come: what they are ahead of may wait for their answer.</summary>
    private async Task WriteAheadAsync(IServerStreamWriter<V1.InteractResponse> responses)
    {
        await foreach (var (result, wire, isResult) in Callouts.Ahead.Reader.ReadAllAsync())
        {
            try
            {
                await WriteAsync(responses, new V1.InteractResponse { Results = { result } });
                if (isResult)
                    _unwritten.Release();
            }
            catch
            {
                // Nobody reads any more; what is left fails in the same way.
                await _life.CancelAsync();
            }
            finally
            {
                wire.Dispose();
            }
        }
    }

    /// <summary>Two loops write, one message at a time.</summary>
    private async Task WriteAsync(IServerStreamWriter<V1.InteractResponse> responses, V1.InteractResponse response)
    {
        await _writing.WaitAsync(_life.Working);
        try
        {
            await responses.WriteAsync(response, _life.Working);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>The result as a message; the reply's tensors are held until <see cref="Outcome.Wire"/> is disposed.</summary>
    private V1.CommandResult Result(StreamCommand command, Outcome outcome)
    {
        var result = new V1.CommandResult { Tag = command.Wire.Tag, TraceId = command.TraceId };
        if (outcome.Reply is not { } reply)
        {
            result.Error = outcome.Error;
            return result;
        }

        outcome.Wire.Own(reply);
        try
        {
            host.Metrics.Sent(reply.Fill(options.MaxMessageBytes - Envelope, options.MaxListBytes, outcome.Wire));
            result.Replayed = reply.Replayed;
            StreamCommands.Write(result, reply.Message);
        }
        catch (GradientsException e)
        {
            result.Error = ErrorStatus.Of(e, command.TraceId);
        }

        return result;
    }

    private readonly record struct Pending(StreamCommand Command, Task<Outcome> Outcome);

    private readonly record struct Outcome(Reply? Reply, WireCharge Wire, Status? Error);
}
