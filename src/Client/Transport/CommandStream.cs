using System.Collections.Concurrent;
using System.Threading.Channels;
using Gradients.Client.Protocol;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>
/// One session's commands over Interact: written in order, pipelined, and sent again with the same request ids over a new stream
/// when the connection is lost.
/// </summary>
internal sealed class CommandStream : IAsyncDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    private readonly V1.SessionService.SessionServiceClient _client;
    private readonly string _session;
    private readonly TimeSpan _reconnectTimeout;
    private readonly TimeProvider _time;
    private readonly Action<V1.CommandResult> _unclaimed;
    private readonly Action<V1.CalloutRequest> _asked;
    private readonly ConcurrentQueue<V1.CalloutReply> _answers = new();
    private readonly CommandQueue _queue;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private bool _progress;
    private int _disposed;

    public CommandStream(V1.SessionService.SessionServiceClient client, string session, int window, TimeSpan reconnectTimeout, TimeProvider time, Action<V1.CommandResult> unclaimed, Action<V1.CalloutRequest> asked)
    {
        _client = client;
        _session = session;
        _reconnectTimeout = reconnectTimeout;
        _time = time;
        _unclaimed = unclaimed;
        _asked = asked;
        _queue = new CommandQueue(window);
        _loop = RunAsync();
    }

    /// <summary>Queues a command. Its result is an error of the server, too, which <see cref="ResultAsync"/> raises.</summary>
    public void Add(PendingCommand command)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        _queue.Add(command);
        _wake.Writer.TryWrite(true);
    }

    /// <summary>Sends an answer ahead of the commands that wait. One whose stream is lost is of no use: the command asks again.</summary>
    public void Answer(V1.CalloutReply answer)
    {
        _answers.Enqueue(answer);
        _wake.Writer.TryWrite(true);
    }

    /// <summary>Waits for a queued command that is cancelled on the server when the token is: its result tells what it has done by then.</summary>
    /// <exception cref="GradientsClientException">It failed.</exception>
    public async Task<V1.CommandResult> ResultOfCancellableAsync(PendingCommand command, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(_ => Cancel(command), null).ConfigureAwait(false);
        return await ResultAsync(command, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Waits for a queued command.</summary>
    /// <exception cref="GradientsClientException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the command may still take effect.</exception>
    public async Task<V1.CommandResult> ResultAsync(PendingCommand command, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister((state, token) => _queue.Abandon((PendingCommand)state!, token), command).ConfigureAwait(false);
        V1.CommandResult result;
        try
        {
            result = await command.Result.ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }

        return result.ResultCase == V1.CommandResult.ResultOneofCase.Error ? throw Errors.Remote(result.Error, result.TraceId) : result;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _queue.FailAll(() => new ObjectDisposedException(nameof(Session)));
        _stop.Dispose();
    }

    private void Cancel(PendingCommand command)
    {
        // A stream that is disposed fails the command itself.
        if (Volatile.Read(ref _disposed) != 0)
            return;
        _queue.Add(new PendingCommand(new V1.SessionCommand { Cancel = new V1.CancelRequest { Tag = command.Command.Tag } }, changesState: false) { IsIdentified = true });
        _wake.Writer.TryWrite(true);
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        long? failingSince = null;
        var delay = FirstDelay;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (_queue.IsEmpty)
                {
                    await _wake.Reader.ReadAsync(_stop.Token).ConfigureAwait(false);
                    continue;
                }

                _progress = false;
                var lost = await ServeAsync().ConfigureAwait(false);
                _queue.Rewind();
                if (_progress)
                    (failingSince, delay) = (null, FirstDelay);
                if (_queue.IsEmpty)
                    continue;
                failingSince ??= _time.GetTimestamp();
                if (lost is not null && _time.GetElapsedTime(failingSince.Value) > _reconnectTimeout)
                {
                    _queue.FailAll(() => Errors.Remote(lost));
                    continue;
                }

                await Task.Delay(delay, _time, _stop.Token).ConfigureAwait(false);
                delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e)
            {
                _queue.FailAll(() => Errors.Remote(e));
            }
            catch (Exception e)
            {
                // A loop that dies would leave its callers waiting for ever.
                _queue.FailAll(() => new InvalidOperationException("The stream of requests failed.", e));
            }
        }
    }

    /// <summary>Serves one stream to its end: null, or how the connection was lost. Other errors of the stream are raised.</summary>
    private async Task<RpcException?> ServeAsync()
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var call = _client.Interact(cancellationToken: _stop.Token);
        var reading = ReadAsync(call.ResponseStream, ended);
        try
        {
            await WriteAsync(call.RequestStream, ended.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or OperationCanceledException or IOException or HttpRequestException)
        {
            // The response stream tells why.
        }

        try
        {
            await reading.ConfigureAwait(false);
            return null;
        }
        catch (RpcException e) when (!_stop.IsCancellationRequested && (Errors.IsTransport(e) || e.StatusCode == StatusCode.Cancelled))
        {
            // Who cancelled it was the server, at the session's end: the next stream is told what became of that.
            return e;
        }
        catch (RpcException) when (_stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(_stop.Token);
        }
    }

    private async Task WriteAsync(IClientStreamWriter<V1.InteractRequest> requests, CancellationToken ended)
    {
        var session = _session;
        _answers.Clear();
        while (!ended.IsCancellationRequested)
        {
            if (_answers.TryDequeue(out var answer))
            {
                await requests.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { CalloutReply = answer } } }, ended).ConfigureAwait(false);
                session = "";
                continue;
            }

            var batch = _queue.Take();
            if (batch.Count == 0)
            {
                await _wake.Reader.ReadAsync(ended).ConfigureAwait(false);
                continue;
            }

            var message = new V1.InteractRequest { Session = session };
            foreach (var command in batch)
                message.Commands.Add(command.Command);
            session = "";
            try
            {
                await requests.WriteAsync(message, ended).ConfigureAwait(false);
            }
            finally
            {
                _queue.Written(batch);
            }
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<V1.InteractResponse> responses, CancellationTokenSource ended)
    {
        try
        {
            while (await responses.MoveNext(_stop.Token).ConfigureAwait(false))
            {
                _progress = true;
                foreach (var result in responses.Current.Results)
                {
                    if (result.Callout is { } callout)
                    {
                        _asked(callout);
                        continue;
                    }

                    if (result.Train?.Report is { } report)
                    {
                        _queue.Find(result.Tag)?.Reported?.Invoke(report);
                        continue;
                    }

                    if (_queue.Answered(result.Tag) is not { } command)
                        continue;
                    if (command.IsAbandoned)
                        _unclaimed(result);
                    command.Complete(result);
                }

                _wake.Writer.TryWrite(true);
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }
}
