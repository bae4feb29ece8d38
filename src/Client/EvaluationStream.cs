using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// A stream of evaluations without a session: many are under way at once, and their results come as their tasks. Large tensors travel in
/// chunks, both ways. Thread-safe. When the connection is lost a new one is made and what waits is sent again: an evaluation
/// changes nothing, so it may run twice.
/// </summary>
public sealed class EvaluationStream : IAsyncDisposable
{
    private const string Method = "gradients.v1.EvaluationService/EvaluateStream";

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    private readonly GradientsClient _client;
    private readonly Func<EvaluationConnection> _connect;
    private readonly TransferLimits _limits;
    private readonly TimeSpan _reconnectTimeout;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private EvaluationConnection _connection;
    private bool _disposed;

    internal EvaluationStream(GradientsClient client, Func<EvaluationConnection> connect, TransferLimits limits, TimeSpan reconnectTimeout, TimeProvider time)
    {
        (_client, _connect, _limits, _reconnectTimeout, _time) = (client, connect, limits, reconnectTimeout, time);
        _connection = connect();
    }

    /// <summary>Evaluates a stand-alone graph. Many calls may be made before the first has its result.</summary>
    /// <param name="graph">The graph. Once <see cref="GradientsClient.StoreAsync"/> has stored it, its name is sent instead of it.</param>
    /// <param name="fetch">Values to return.</param>
    /// <param name="roots">What to differentiate, summed. Default nothing.</param>
    /// <param name="wrt">With respect to what. Default all variables that the roots depend on.</param>
    /// <param name="feeds">Values of inputs, and of variables in place of their initial ones. Arrays are the caller's again with the result.</param>
    /// <param name="options">Deadline of each attempt, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="GradientsClientException">The evaluation failed, or the connection was lost for longer than the time to reconnect: CONNECTION_LOST.</exception>
    /// <exception cref="ObjectDisposedException">The stream is closed.</exception>
    public async Task<BackwardResult> EvaluateAsync(Graph graph, IReadOnlyList<Node>? fetch = null, IReadOnlyList<Root>? roots = null, IReadOnlyList<Node>? wrt = null, Feeds? feeds = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        using var span = CallActivity.Start(Method, "Evaluate");
        var tensors = new RequestTensors(_limits);
        var request = Evaluations.Request(graph, fetch, roots, wrt, feeds, options, tensors);
        EvaluationAnswer? answer = null;
        try
        {
            var response = await _client.WithGraphAsync(
                graph,
                request,
                async () =>
                {
                    answer = await SendAsync(request, tensors, options?.Timeout, cancellationToken).ConfigureAwait(false);
                    return answer.Response;
                },
                cancellationToken).ConfigureAwait(false);
            span.SetStatus(StatusCode.OK);
            return Evaluations.Result(response, t => t.ContentCase == V1.Tensor.ContentOneofCase.Handle ? answer!.Parts[t.Handle].Complete() : t.ToData());
        }
        catch (GradientsClientException e)
        {
            span.SetStatus(e);
            throw;
        }
    }

    /// <summary>Waits for the results that are on their way and ends the stream.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
            _disposed = true;
        return _connection.DisposeAsync();
    }

    private async Task<EvaluationAnswer> SendAsync(V1.EvaluateRequest request, RequestTensors tensors, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        long? failingSince = null;
        for (var delay = FirstDelay; ; delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay)
        {
            try
            {
                return await Connected().SendAsync(request, tensors, timeout, cancellationToken).ConfigureAwait(false);
            }
            catch (GradientsClientException e) when (e.Reason == Errors.ConnectionLost && !Volatile.Read(ref _disposed))
            {
                failingSince ??= _time.GetTimestamp();
                if (_time.GetElapsedTime(failingSince.Value) >= _reconnectTimeout)
                    throw;
            }

            await Task.Delay(delay, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The connection; a new one where it has ended.</summary>
    private EvaluationConnection Connected()
    {
        EvaluationConnection ended;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_connection.HasEnded)
                return _connection;
            ended = _connection;
            _connection = _connect();
        }

        // Nothing waits on it any more, so this does not either.
        _ = ended.DisposeAsync().AsTask();
        return _connection;
    }
}
