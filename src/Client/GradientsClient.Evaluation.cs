using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;
using Gradients.Engine.Tensors;

namespace Gradients.Client;

public sealed partial class GradientsClient
{
    /// <summary>
    /// Evaluates a stand-alone graph: values and gradients in one round trip, nothing is kept. Everything must fit into one
    /// message; <see cref="OpenEvaluationStreamAsync"/> is for more.
    /// </summary>
    /// <param name="graph">The graph. Once <see cref="StoreAsync"/> has stored it, its name is sent instead of it.</param>
    /// <param name="fetch">Values to return.</param>
    /// <param name="roots">What to differentiate, summed. Default nothing.</param>
    /// <param name="wrt">With respect to what. Default all variables that the roots depend on.</param>
    /// <param name="feeds">Values of inputs, and of variables in place of their initial ones.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<BackwardResult> EvaluateAsync(Graph graph, IReadOnlyList<Node>? fetch = null, IReadOnlyList<Root>? roots = null, IReadOnlyList<Node>? wrt = null, Feeds? feeds = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var request = Evaluations.Request(graph, fetch, roots, wrt, feeds, options, new RequestTensors(Graph.Limits));
        var response = await WithGraphAsync(graph, request, () => EvaluateAsync(request, options, cancellationToken), cancellationToken).ConfigureAwait(false);
        return Evaluations.Result(response, t => t.ToData());
    }

    /// <summary>
    /// Evaluates an expression such as <c>mean((w*x + b - y)**2)</c>: NumPy's operators and broadcasting, every op by its name,
    /// several statements; docs/graph-text.md has the grammar.
    /// </summary>
    /// <param name="expression">The text. Its last statement gives the value.</param>
    /// <param name="values">The value of each name that the text does not assign itself.</param>
    /// <param name="wrt">The names to differentiate for; the value must be a scalar then. Default none.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="GradientsClientException">EXPRESSION_SYNTAX, with <c>line</c> and <c>column</c> in its metadata, and what an evaluation fails with.</exception>
    public async Task<ExpressionResult> EvaluateAsync(string expression, IReadOnlyDictionary<string, TensorData> values, IReadOnlyList<string>? wrt = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(values);
        var ids = new Dictionary<string, ulong>(values.Count);
        var text = new V1.Expression { Source = expression, Result = (ulong)values.Count + 1 };
        var request = Evaluations.Request(options);
        var tensors = new RequestTensors(Graph.Limits);
        foreach (var (name, value) in values)
        {
            var id = ids[name] = (ulong)ids.Count + 1;
            text.Bindings.Add(new V1.ExpressionBinding { Name = name, Value = id, Type = TensorType.Of(value.DataType, value.Shape).ToMessage() });
            request.Feeds.Add(new V1.Feed { Node = id, Tensor = tensors.Add(value) });
        }

        request.Graph = new V1.GraphSource { Text = text };
        request.Fetches.Add(new V1.Fetch { Value = text.Result });
        foreach (var name in wrt ?? [])
            request.Wrt.Add(ids.TryGetValue(name, out var id) ? id : throw new ArgumentException($"'{name}' is none of the values.", nameof(wrt)));
        if (request.Wrt.Count > 0)
            request.Roots.Add(new V1.Root { Value = text.Result });
        return new ExpressionResult(await EvaluateAsync(request, options, cancellationToken).ConfigureAwait(false), text.Result, ids);
    }

    /// <summary>
    /// Stores a graph at the server under the digest of its content. Evaluations then send its name; a server that has forgotten it gets
    /// it again. A graph that nodes are added to is sent as a whole until it is stored anew.
    /// </summary>
    /// <returns>The name, <c>graphs/{sha256}</c>.</returns>
    public async Task<string> StoreAsync(Graph graph, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var graphs = new V1.GraphService.GraphServiceClient(_invoker);
        var (message, version) = graph.Snapshot();
        var response = await CallAsync(graphs.CreateGraphAsync(new V1.CreateGraphRequest { Graph = message }, cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);
        graph.Stored(response.Info.Name, version);
        return response.Info.Name;
    }

    /// <summary>Opens a stream on which many evaluations are under way at once, with tensors of any size.</summary>
    /// <param name="reconnectTimeout">How long a lost connection is tried again before its evaluations fail. Default 30 seconds.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public async Task<EvaluationStream> OpenEvaluationStreamAsync(TimeSpan? reconnectTimeout = null, CancellationToken cancellationToken = default)
    {
        _info ??= await GetServerInfoAsync(cancellationToken).ConfigureAwait(false);
        var evaluations = new V1.EvaluationService.EvaluationServiceClient(_invoker);
        var options = new SessionOptions();
        var limits = TransferLimits.Of(_info.Limits ?? new V1.Limits(), options.InlineLimitBytes);
        return new EvaluationStream(this, () => new EvaluationConnection(evaluations.EvaluateStream(cancellationToken: cancellationToken), limits), limits, reconnectTimeout ?? options.ReconnectTimeout, _time);
    }

    /// <summary>Sends a request with the graph's name where it is stored; once more with the graph itself where the server does not have it.</summary>
    internal async Task<V1.EvaluateResponse> WithGraphAsync(Graph graph, V1.EvaluateRequest request, Func<Task<V1.EvaluateResponse>> send, CancellationToken cancellationToken)
    {
        if (graph.StoredName is { } name)
        {
            request.Graph = new V1.GraphSource { DigestName = name };
            try
            {
                return await send().ConfigureAwait(false);
            }
            catch (GradientsClientException e) when (e.Reason == ErrorReasons.GraphNotFound)
            {
                await StoreAsync(graph, cancellationToken).ConfigureAwait(false);
            }
        }

        request.Graph = new V1.GraphSource { Graph = graph.Snapshot().Message };
        return await send().ConfigureAwait(false);
    }

    private Task<V1.EvaluateResponse> EvaluateAsync(V1.EvaluateRequest request, RequestOptions? options, CancellationToken cancellationToken)
    {
        DateTime? deadline = options?.Timeout is { } timeout ? _time.GetUtcNow().UtcDateTime + timeout : null;
        var evaluations = new V1.EvaluationService.EvaluationServiceClient(_invoker);
        return CallAsync(evaluations.EvaluateAsync(request, deadline: deadline, cancellationToken: cancellationToken), cancellationToken);
    }
}
