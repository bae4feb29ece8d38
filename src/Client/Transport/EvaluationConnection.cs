using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Client.Protocol;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>One call of EvaluateStream: evaluations under way by tag. When it ends everything that waits on it fails.</summary>
internal sealed class EvaluationConnection : IAsyncDisposable
{
    private readonly AsyncDuplexStreamingCall<V1.EvaluateStreamRequest, V1.EvaluateStreamResponse> _call;
    private readonly TransferLimits _limits;
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<EvaluationAnswer>> _waiting = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly SemaphoreSlim _window;
    private readonly Task _reading;
    private ulong _lastTag;
    private ulong _lastHandle;
    private volatile Exception? _end;

    public EvaluationConnection(AsyncDuplexStreamingCall<V1.EvaluateStreamRequest, V1.EvaluateStreamResponse> call, TransferLimits limits)
    {
        (_call, _limits) = (call, limits);
        _window = new SemaphoreSlim(limits.Window);
        _reading = ReadAsync();
    }

    public bool HasEnded => _end is not null;

    /// <exception cref="GradientsClientException">The evaluation failed, or the call ended: CONNECTION_LOST.</exception>
    public async Task<EvaluationAnswer> SendAsync(V1.EvaluateRequest request, RequestTensors tensors, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        await _window.WaitAsync(cancellationToken).ConfigureAwait(false);
        var answer = new TaskCompletionSource<EvaluationAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _writing.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            var item = new V1.EvaluateStreamRequest { Tag = ++_lastTag, Evaluate = request, Trace = CallActivity.Context };
            if (timeout is { } limit)
                item.Timeout = Duration.FromTimeSpan(limit);
            _waiting[item.Tag] = answer;
            if (_end is not null)
                EndAll();
            await WriteAsync(item, tensors).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException or OperationCanceledException)
        {
            // The reader learns why and tells all who wait.
        }
        finally
        {
            _writing.Release();
        }

        return await answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for the results that are on their way and ends the call.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_end is null)
                await _call.RequestStream.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException or OperationCanceledException)
        {
            // The call has ended already.
        }
        finally
        {
            _writing.Release();
        }

        await _reading.ConfigureAwait(false);
        _call.Dispose();
    }

    /// <summary>Large tensors first, in parts; the server has what it needs of them when it has read the evaluation.</summary>
    private async Task WriteAsync(V1.EvaluateStreamRequest item, RequestTensors tensors)
    {
        foreach (var (message, data) in tensors.Large)
        {
            message.Handle = $"tensors/{++_lastHandle}";
            await PartAsync(new V1.TensorPart { Handle = message.Handle, Header = new V1.TensorHeader { DataType = message.DataType, Shape = { message.Shape } } }).ConfigureAwait(false);
            for (var offset = 0; offset < data.Bytes.Length; offset += _limits.ChunkBytes)
            {
                var bytes = data.Bytes.Slice(offset, Math.Min(_limits.ChunkBytes, data.Bytes.Length - offset));
                await PartAsync(new V1.TensorPart { Handle = message.Handle, Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = UnsafeByteOperations.UnsafeWrap(bytes) } }).ConfigureAwait(false);
            }
        }

        await _call.RequestStream.WriteAsync(item).ConfigureAwait(false);
        foreach (var (message, _) in tensors.Large)
            await PartAsync(new V1.TensorPart { Handle = message.Handle, Release = true }).ConfigureAwait(false);

        // A refused part has an error under the tag of its evaluation.
        Task PartAsync(V1.TensorPart part) => _call.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Tag = item.Tag, Part = part });
    }

    private async Task ReadAsync()
    {
        var parts = new Dictionary<string, PartAssembly>();
        try
        {
            await foreach (var response in _call.ResponseStream.ReadAllAsync().ConfigureAwait(false))
            {
                switch (response.ItemCase)
                {
                    case V1.EvaluateStreamResponse.ItemOneofCase.Part when response.Part.PartCase == V1.TensorPart.PartOneofCase.Header:
                        parts[response.Part.Handle] = new PartAssembly(response.Part.Header);
                        break;
                    case V1.EvaluateStreamResponse.ItemOneofCase.Part when response.Part.PartCase == V1.TensorPart.PartOneofCase.Chunk && parts.TryGetValue(response.Part.Handle, out var assembly):
                        assembly.Add(response.Part.Chunk);
                        break;
                    case V1.EvaluateStreamResponse.ItemOneofCase.Response:
                        Take(response.Tag)?.TrySetResult(new EvaluationAnswer(response.Response, parts));
                        parts = [];
                        break;
                    case V1.EvaluateStreamResponse.ItemOneofCase.Error:
                        Take(response.Tag)?.TrySetException(Errors.Remote(response.Error, null));
                        break;
                }
            }

            _end = Errors.Local(StatusCode.Unavailable, Errors.ConnectionLost, "The stream has ended.");
        }
        catch (RpcException e)
        {
            _end = Errors.IsTransport(e) ? Errors.Local(StatusCode.Unavailable, Errors.ConnectionLost, $"The connection was lost: {e.Status.Detail}") : Errors.Remote(e);
        }
        catch (Exception e)
        {
            _end = e;
        }

        EndAll();
    }

    private TaskCompletionSource<EvaluationAnswer>? Take(ulong tag)
    {
        if (!_waiting.TryRemove(tag, out var waiting))
            return null;
        _window.Release();
        return waiting;
    }

    private void EndAll()
    {
        foreach (var tag in _waiting.Keys)
            Take(tag)?.TrySetException(_end!);
    }
}

/// <param name="Parts">The tensors that came before the response, by handle.</param>
internal sealed record EvaluationAnswer(V1.EvaluateResponse Response, IReadOnlyDictionary<string, PartAssembly> Parts);
