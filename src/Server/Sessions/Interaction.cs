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
/// their order. A second loop writes results in that order, a third what goes ahead of them. The stream ends when the client
/// has closed its side and all is written, or early for one cause: taken over, idle, draining, session ended.
/// </summary>
internal sealed class Interaction(ServerSession session, EngineHost host, GradientsServerOptions options, Drain drain, TimeProvider time, RequestMetrics metrics, ServerCallContext call, ILogger logger) : IDisposable
{
    // Results that are ready together travel together while they are small.
    private const int MaxBatch = 64;
    private const int BatchBytes = 1 << 16;

    // What a message needs around one result.
    private const int Envelope = 256;

    private readonly StreamLife _life = new(options, drain, time, CallScope.Of(call).Cancellation, session.Closed);
    private readonly Channel<Task<Outcome>> _results = Channel.CreateUnbounded<Task<Outcome>>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly SemaphoreSlim _unwritten = new(2 * options.MaxQueuedCommands);
    private readonly SemaphoreSlim _writing = new(1);
    private readonly WireLease _wire = TenantCall.Of(call).Wire;

    public StreamCallouts Callouts { get; } = new(session, host, options, time, TenantCall.Of(call).Wire);

    /// <summary>Ends this stream in favour of another; what is in flight is cancelled.</summary>
    public void TakeOver() =>
        _life.End(new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionTakenOver, "Another stream owns the session now."), finish: false);

    public async Task RunAsync(IAsyncStreamReader<V1.InteractRequest> requests, IServerStreamWriter<V1.InteractResponse> responses)
    {
        session.Attach(this);
        _life.IsBusy = () => !Callouts.IsEmpty;
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

                    // Refusals, too, wait for the client to read: a client that never does stops being read.
                    await _unwritten.WaitAsync(_life.Reading);
                    var refusal = _life.Begin() > options.MaxQueuedCommands ? Busy() : Callouts.Nested(command.InsideCallout);
                    message.Retain();
                    var outcome = ExecuteAsync(command, message, refusal);
                    if (refusal is null)
                        _results.Writer.TryWrite(outcome);
                    else
                        Callouts.Ahead.Writer.TryWrite(new Ahead(Result(await outcome), _wire.CreateReply(), IsResult: true));
                }
            }
            finally
            {
                message.Release();
            }
        }
        while (await requests.MoveNext(_life.Reading));
    }

    /// <summary>Executes one command; every failure is its own result.</summary>
    private async Task<Outcome> ExecuteAsync(V1.SessionCommand command, MessageHold message, GradientsException? refusal)
    {
        var parent = command.Trace is { } trace ? RequestActivity.Parse(trace.Traceparent, trace.Tracestate) : default;
        using var activity = RequestActivity.Start(command.CommandCase.ToString(), parent.TraceId == default ? CallScope.Of(call).Activity.Context : parent);
        activity.SetSession(session.Name);
        using var timeout = command.Timeout is null ? null : new CancellationTokenSource(Timeouts.Bound(command.Timeout.ToTimeSpan()), time);
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(_life.Working, timeout?.Token ?? default);
        var wire = _wire.CreateReply();
        try
        {
            if (refusal is not null)
                throw refusal;
            var reply = await StreamCommands.Read(command).RunAsync(session, new CommandContext(host, options, activity.Context, wire, cancellation.Token, command.Tag));
            if (reply.Replayed)
                activity.SetReplayed();
            return new Outcome(command.Tag, activity.TraceId, reply, wire, null);
        }
        catch (Exception e)
        {
            wire.Dispose();
            var timedOut = timeout?.IsCancellationRequested == true || call.Deadline <= TimeProvider.System.GetUtcNow().UtcDateTime;
            var status = Failure.Of(e, timedOut, _life.Working.IsCancellationRequested, drain, activity.TraceId, out var fault);
            if (fault)
                logger.Faulted(e, command.CommandCase.ToString(), activity.TraceId);
            var reason = ErrorStatus.ReasonOf(status);
            activity.SetError(reason);
            metrics.Refused(reason);
            return new Outcome(command.Tag, activity.TraceId, null, wire, status);
        }
        finally
        {
            _life.Done();
            message.Release();
        }
    }

    private GradientsException Busy() =>
        new GradientsException(ErrorCode.Aborted, ErrorReasons.SessionBusy, $"{options.MaxQueuedCommands} commands of this stream wait already; try again when some are answered.")
            .Limited("max_queued_commands", (options.MaxQueuedCommands + 1).ToString(), session.Subject, TimeSpan.FromMilliseconds(50));

    private async Task WriteAsync(IServerStreamWriter<V1.InteractResponse> responses)
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
            await WriteAsync(responses, batch);
            _unwritten.Release(batch.Results.Count);
            batch = new V1.InteractResponse();
            Sent();
            _life.Touch();
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
            await _life.CancelAsync();
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

    /// <summary>The result as a message; the reply's tensors are copied and given back.</summary>
    private V1.CommandResult Result(Outcome outcome)
    {
        var result = new V1.CommandResult { Tag = outcome.Tag, TraceId = outcome.TraceId };
        if (outcome.Reply is not { } reply)
        {
            result.Error = outcome.Error;
            return result;
        }

        using (reply)
        {
            try
            {
                host.Metrics.Sent(reply.Fill(options.MaxMessageBytes - Envelope, options.MaxListBytes, outcome.Wire));
                result.Replayed = reply.Replayed;
                StreamCommands.Write(result, reply.Message);
            }
            catch (GradientsException e)
            {
                result.Error = ErrorStatus.Of(e, outcome.TraceId);
            }
        }

        return result;
    }

    private readonly record struct Outcome(ulong Tag, string TraceId, Reply? Reply, WireCharge Wire, Status? Error);
}
