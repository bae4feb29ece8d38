using Gradients.Client.Transport;
using Gradients.Engine.Tensors;

namespace Gradients.Client;

public sealed partial class Session
{
    /// <summary>Computes values and, with gradients on, keeps a run that can be differentiated.</summary>
    /// <param name="fetches">Values to return, anywhere in the graph; may be empty when gradients are on.</param>
    /// <param name="feeds">Values of the inputs that the request reaches.</param>
    /// <param name="gradients">True: a run is kept until it is differentiated, disposed or expires. Default false: nothing is kept.</param>
    /// <param name="roots">What will be differentiated. Default the floating fetches. Others are recomputed from the run's inputs.</param>
    /// <param name="wrt">With respect to what. Default all variables that the roots depend on.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="GradientsClientException">The computation failed; nothing is kept.</exception>
    public async Task<Run> ForwardAsync(IReadOnlyList<Node> fetches, Feeds? feeds = null, bool gradients = false, IReadOnlyList<Node>? roots = null, IReadOnlyList<Node>? wrt = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(fetches);
        var tensors = new RequestTensors(_limits);
        V1.Feed[] fed = [.. tensors.Add(feeds, this)];
        if (gradients)
            roots ??= [.. fetches.Where(f => f.DataType?.IsFloating() != false)];
        try
        {
            return await WithLargeResultsAsync(ExceedsMessage(fetches), async byHandle =>
            {
                var request = new V1.ForwardRequest
                {
                    Feeds = { fed },
                    Fetches = { Fetches(fetches, byHandle) },
                    Gradients = gradients,
                    Roots = { Ids(roots) },
                    Wrt = { Ids(wrt) },
                    CheckFinite = options?.CheckFinite ?? false,
                    Profile = options?.Profile ?? false,
                };
                var result = await SendAsync(new V1.SessionCommand { Forward = request }, false, gradients, tensors, options?.Timeout, cancellationToken).ConfigureAwait(false);
                var values = await ReadAsync(result.Forward.Values, cancellationToken).ConfigureAwait(false);
                return new Run(this, result.Forward, values);
            }).ConfigureAwait(false);
        }
        finally
        {
            Release(tensors);
        }
    }

    /// <summary>Differentiates a scalar: forward and backward in one round trip.</summary>
    /// <param name="loss">A scalar; for other shapes give a cotangent with a <see cref="Root"/>.</param>
    /// <param name="wrt">With respect to what: any floating values. Default all variables that the loss depends on.</param>
    /// <param name="feeds">Values of the inputs.</param>
    /// <param name="mode">Where gradients go. Default they are returned.</param>
    /// <param name="fetch">Values to return in the same round trip.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting; what was accumulated by then stays.</param>
    /// <exception cref="GradientsClientException">It failed and changed nothing.</exception>
    public Task<BackwardResult> BackwardAsync(Node loss, IReadOnlyList<Node>? wrt = null, Feeds? feeds = null, GradientMode mode = GradientMode.Return, IReadOnlyList<Node>? fetch = null, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        BackwardAsync([new Root(loss)], wrt, feeds, mode, fetch, options, cancellationToken);

    /// <summary>Differentiates several values, summed, each with its cotangent: forward and backward in one round trip.</summary>
    /// <param name="roots">What to differentiate.</param>
    /// <param name="wrt">With respect to what: any floating values. Default all variables that the roots depend on.</param>
    /// <param name="feeds">Values of the inputs.</param>
    /// <param name="mode">Where gradients go. Default they are returned.</param>
    /// <param name="fetch">Values to return in the same round trip.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting; what was accumulated by then stays.</param>
    /// <exception cref="GradientsClientException">It failed and changed nothing.</exception>
    public Task<BackwardResult> BackwardAsync(IReadOnlyList<Root> roots, IReadOnlyList<Node>? wrt = null, Feeds? feeds = null, GradientMode mode = GradientMode.Return, IReadOnlyList<Node>? fetch = null, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        BackwardAsync("", roots, wrt, feeds, mode, false, fetch, options, cancellationToken);

    internal async Task<TensorData> ValueAsync(Node node, Feeds? feeds, RequestOptions? options, CancellationToken cancellationToken)
    {
        using var run = await ForwardAsync([node], feeds, options: options, cancellationToken: cancellationToken).ConfigureAwait(false);
        return run[node];
    }

    internal async Task<BackwardResult> BackwardAsync(string run, IReadOnlyList<Root> roots, IReadOnlyList<Node>? wrt, Feeds? feeds, GradientMode mode, bool retain, IReadOnlyList<Node>? fetch, RequestOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(roots);
        var tensors = new RequestTensors(_limits);
        V1.Feed[] fed = [.. tensors.Add(feeds, this)];
        V1.Root[] from = [.. roots.Select(r => ToMessage(r, tensors))];
        // A run is consumed, gradients are added: neither may happen twice.
        var identified = mode != GradientMode.Return || (run.Length > 0 && !retain);
        var large = ExceedsMessage([.. fetch ?? [], .. mode == GradientMode.Accumulate ? [] : wrt ?? []])
            || (wrt is null && mode != GradientMode.Accumulate && Volatile.Read(ref _variableBytes) > _limits.InlineBytes);
        try
        {
            return await WithLargeResultsAsync(large, async byHandle =>
            {
                var request = new V1.BackwardRequest
                {
                    Run = run,
                    Feeds = { fed },
                    Roots = { from },
                    Wrt = { Ids(wrt) },
                    Mode = mode switch { GradientMode.Accumulate => V1.GradientMode.Accumulate, GradientMode.Both => V1.GradientMode.Both, _ => V1.GradientMode.Return },
                    Retain = retain,
                    Fetches = { Fetches(fetch ?? [], byHandle) },
                    ZerosForAbsent = options?.ZerosForAbsent ?? false,
                    GradientsAsHandles = byHandle && mode != GradientMode.Accumulate,
                    CheckFinite = options?.CheckFinite ?? false,
                    Profile = options?.Profile ?? false,
                };
                var result = await SendAsync(new V1.SessionCommand { Backward = request }, identified, identified, tensors, options?.Timeout, cancellationToken).ConfigureAwait(false);
                var values = await ReadAsync(result.Backward.Values, cancellationToken).ConfigureAwait(false);
                var gradients = new Dictionary<ulong, TensorData?>();
                var absent = new HashSet<ulong>();
                foreach (var gradient in result.Backward.Gradients)
                {
                    if (gradient.Absent)
                        absent.Add(gradient.Value);
                    else if (mode != GradientMode.Accumulate)
                        gradients[gradient.Value] = gradient.Tensor is null ? null : await ReadAsync(gradient.Tensor, cancellationToken).ConfigureAwait(false);
                }

                return new BackwardResult(values, gradients, absent, result.Backward.TraceId, result.Backward.Profile, result.Backward.HeldBytes, result.Replayed);
            }).ConfigureAwait(false);
        }
        finally
        {
            Release(tensors);
        }
    }

    private async Task<Dictionary<ulong, TensorData?>> ReadAsync(IEnumerable<V1.FetchedValue> fetched, CancellationToken cancellationToken)
    {
        var values = new Dictionary<ulong, TensorData?>();
        foreach (var value in fetched)
            values[value.Value] = await ReadAsync(value.Tensor, cancellationToken).ConfigureAwait(false);
        return values;
    }

    private IEnumerable<V1.Fetch> Fetches(IReadOnlyList<Node> nodes, bool byHandle)
    {
        foreach (var node in nodes)
        {
            node.RequireUsableIn(this);
            yield return new V1.Fetch { Value = node.Id, AsHandle = byHandle };
        }
    }

    private IEnumerable<ulong> Ids(IEnumerable<Node>? nodes)
    {
        foreach (var node in nodes ?? [])
        {
            node.RequireUsableIn(this);
            yield return node.Id;
        }
    }

    private V1.Root ToMessage(Root root, RequestTensors tensors)
    {
        root.Value.RequireUsableIn(this);
        var message = new V1.Root { Value = root.Value.Id };
        if (root.Cotangent is { } cotangent)
            message.Cotangent = tensors.Add(RequestTensors.Fit(cotangent, root.Value));
        return message;
    }

    private void Release(RequestTensors tensors)
    {
        foreach (var handle in tensors.Uploaded)
            ReleaseHandle(handle);
    }
}
