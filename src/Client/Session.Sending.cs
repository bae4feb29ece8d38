using System.Runtime.ExceptionServices;
using Google.Protobuf.WellKnownTypes;
using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

public sealed partial class Session
{
    private const string InteractMethod = "gradients.v1.SessionService/Interact";

    /// <summary>
    /// Sends a command behind everything that was asked before and behind the definitions it may need. Tensors too large for a
    /// message are uploaded first; requests made meanwhile wait their turn.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="changesState">It changes what later requests see.</param>
    /// <param name="identified">It must not be executed twice.</param>
    /// <param name="feeds">Its tensors, or null.</param>
    /// <param name="timeout">Its deadline, or null for the session's.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    private async Task<V1.CommandResult> SendAsync(V1.SessionCommand command, bool changesState, bool identified, RequestTensors? feeds, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        RequireOutsideCustom();
        cancellationToken.ThrowIfCancellationRequested();
        using var span = CallActivity.Start(InteractMethod, command.CommandCase.ToString());
        if ((timeout ?? _options.RequestTimeout) is { } limit)
            command.Timeout = Duration.FromTimeSpan(limit);
        var trace = CallActivity.Context;
        command.Trace = trace;

        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        PendingChanges changes;
        Task turn;
        lock (Gate)
        {
            (changes, _changes) = (_changes, new PendingChanges());
            (turn, _turn) = (_turn, passed.Task);
        }

        var uploading = feeds?.UploadAsync(_transfer, cancellationToken) ?? Task.CompletedTask;
        ExceptionDispatchInfo? failure = null;
        var ahead = new List<PendingCommand>();
        var pending = new PendingCommand(command, changesState) { IsIdentified = identified };
        try
        {
            try
            {
                await changes.UploadAsync(_transfer, _closing.Token).ConfigureAwait(false);
                await uploading.ConfigureAwait(false);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }

            await turn.ConfigureAwait(false);
            lock (Gate)
            {
                if (changes.IsReady)
                {
                    foreach (var change in changes.ToCommands(_limits))
                    {
                        change.Trace = trace;
                        _identity.Identify(change);
                        ahead.Add(new PendingCommand(change, change.CommandCase != V1.SessionCommand.CommandOneofCase.DefineNodes) { IsIdentified = true });
                        _stream.Add(ahead[^1]);
                    }
                }
                else
                {
                    _changes = changes.Then(_changes);
                }

                if (failure is null && !cancellationToken.IsCancellationRequested)
                {
                    if (identified)
                        _identity.Identify(command);
                    _stream.Add(pending);
                }
            }
        }
        finally
        {
            passed.SetResult();
        }

        failure?.Throw();
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var result = await _stream.ResultAsync(pending, cancellationToken).ConfigureAwait(false);
            span.SetStatus(StatusCode.OK);
            return result;
        }
        catch (GradientsClientException e)
        {
            span.SetStatus(e);
            // What a definition did wrong explains what failed because of it.
            foreach (var change in ahead)
                await _stream.ResultAsync(change, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Runs a request again with results by handle when they turn out too large for a message; the refused one changed nothing.</summary>
    private static async Task<T> WithLargeResultsAsync<T>(bool byHandle, Func<bool, Task<T>> request)
    {
        if (!byHandle)
        {
            try
            {
                return await request(false).ConfigureAwait(false);
            }
            catch (GradientsClientException e) when (e.Reason == ErrorReasons.MessageTooLarge)
            {
            }
        }

        return await request(true).ConfigureAwait(false);
    }

    /// <summary>The elements of a result, downloaded when it came as a handle; null when a replayed reply left them out.</summary>
    private async Task<TensorData?> ReadAsync(V1.Tensor tensor, CancellationToken cancellationToken)
    {
        switch (tensor.ContentCase)
        {
            case V1.Tensor.ContentOneofCase.Raw:
                return tensor.ToData();
            case V1.Tensor.ContentOneofCase.Handle:
                try
                {
                    return await _transfer.DownloadAsync(new V1.DownloadTensorRequest { Handle = tensor.Handle }, cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    ReleaseHandle(tensor.Handle);
                }

            default:
                return null;
        }
    }

    /// <summary>Whether results are known to be too large for a message.</summary>
    private bool ExceedsMessage(IEnumerable<Node> values)
    {
        var total = 0L;
        foreach (var value in values)
        {
            var bytes = value.ByteCount ?? 0;
            total += bytes;
            if (bytes > _limits.InlineBytes || total > _limits.MessageBytes)
                return true;
        }

        return false;
    }

    internal static GradientsClientException ContentLost() => Errors.Local(StatusCode.Unavailable, Errors.ConnectionLost, "The connection was lost after the request was executed: what it changed is changed, but its values were not kept. Ask for them again.");
}
