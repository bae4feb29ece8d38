using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// A stream of evaluations without a session: many are under way at once, and their results come as their tasks. Large tensors travel in
/// chunks, both ways. Thread-safe. When the connection is lost everything that waits fails; a new stream can be opened, for
/// nothing was kept.
/// </summary>
public sealed class EvaluationStream : IAsyncDisposable
{
    private const string Method = "gradients.v1.EvaluationService/EvaluateStream";

    private readonly GradientsClient _client;
    private readonly AsyncDuplexStreamingCall<V1.EvaluateStreamRequest, V1.EvaluateStreamResponse> _call;
    private readonly TransferLimits _limits;
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Answer>> _waiting = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly SemaphoreSlim _window;
    private readonly Task _reading;
    private ulong _lastTag;
    private ulong _lastHandle;
    private volatile Exception? _end;

    internal EvaluationStream(GradientsClient client, AsyncDuplexStreamingCall<V1.EvaluateStreamRequest, V1.EvaluateStreamResponse> call, TransferLimits limits)
    {
        (_client, _call, _limits) = (client, call, limits);
        _window = new SemaphoreSlim(limits.Window);
        _reading = ReadAsync();
    }

    /// <summary>Evaluates a stand-alone graph. Many calls may be made before the first has its result.</summary>
    /// <param name="graph">The graph. Once <see cref="GradientsClient.StoreAsync"/> has stored it, its name is sent instead of it.</param>
    /// <param name="fetch">Values to return.</param>
    /// <param name="roots">What to differentiate, summed. Default nothing.</param>
    /// <param name="wrt">With respect to what. Default all variables that the roots depend on.</param>
    /// <param name="feeds">Values of inputs, and of variables in place of their initial ones. Arrays are the caller's again with the result.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="GradientsClientException">The evaluation failed, or the stream ended: CONNECTION_LOST.</exception>
    public async Task<BackwardResult> EvaluateAsync(Graph graph, IReadOnlyList<Node>? fetch = null, IReadOnlyList<Root>? roots = null, IReadOnlyList<Node>? wrt = null, Feeds? feeds = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        using var span = CallActivity.Start(Method, "Evaluate");
        var tensors = new RequestTensors(_limits);
        var request = Evaluations.Request(graph, fetch, roots, wrt, feeds, options, tensors);
        Dictionary<string, PartAssembly> parts = [];
        try
        {
            var response = await _client.WithGraphAsync(
                graph,
                request,
                async () =>
                {
                    var answer = await SendAsync(request, tensors, options?.Timeout, cancellationToken).ConfigureAwait(false);
                    parts = answer.Parts;
                    return answer.Response;
                },
                cancellationToken).ConfigureAwait(false);
            span.SetStatus(StatusCode.OK);
            return Evaluations.Result(response, t => t.ContentCase == V1.Tensor.ContentOneofCase.Handle ? parts[t.Handle].Complete() : t.ToData());
        }
        catch (GradientsClientException e)
        {
            span.SetStatus(e);
            throw;
        }
    }

    /// <summary>Waits for the results that are on their way and ends the stream.</summary>
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
            // The stream has ended already.
        }
        finally
        {
            _writing.Release();
        }

        await _reading.ConfigureAwait(false);
        _call.Dispose();
    }

    private async Task<Answer> SendAsync(V1.EvaluateRequest request, RequestTensors tensors, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        await _window.WaitAsync(cancellationToken).ConfigureAwait(false);
        var answer = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
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
                        Take(response.Tag)?.TrySetResult(new Answer(response.Response, parts));
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

    private TaskCompletionSource<Answer>? Take(ulong tag)
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

    /// <param name="Parts">The tensors that came before the response, by handle.</param>
    private sealed record Answer(V1.EvaluateResponse Response, Dictionary<string, PartAssembly> Parts);
}
