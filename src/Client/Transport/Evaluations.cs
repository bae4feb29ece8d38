using Gradients.Client.Protocol;

namespace Gradients.Client.Transport;

/// <summary>Evaluations of stand-alone graphs as messages, and back.</summary>
internal static class Evaluations
{
    /// <summary>The request without its graph.</summary>
    public static V1.EvaluateRequest Request(Graph graph, IReadOnlyList<Node>? fetch, IReadOnlyList<Root>? roots, IReadOnlyList<Node>? wrt, Feeds? feeds, RequestOptions? options, RequestTensors tensors)
    {
        foreach (var node in (fetch ?? []).Concat(wrt ?? []).Concat((roots ?? []).Select(r => r.Value)))
            node.RequireUsableIn(graph);
        var request = Request(options);
        request.Feeds.AddRange(tensors.Add(graph.WithInitialValues(feeds), graph));
        request.Fetches.AddRange((fetch ?? []).Select(f => new V1.Fetch { Value = f.Id }));
        request.Wrt.AddRange((wrt ?? []).Select(w => w.Id));
        foreach (var root in roots ?? [])
        {
            var message = new V1.Root { Value = root.Value.Id };
            if (root.Cotangent is { } cotangent)
                message.Cotangent = tensors.Add(RequestTensors.Fit(cotangent, root.Value));
            request.Roots.Add(message);
        }

        return request;
    }

    public static V1.EvaluateRequest Request(RequestOptions? options) => new()
    {
        ZerosForAbsent = options?.ZerosForAbsent ?? false,
        CheckFinite = options?.CheckFinite ?? false,
        Profile = options?.Profile ?? false,
    };

    /// <param name="read">The elements of a tensor.</param>
    public static BackwardResult Result(V1.EvaluateResponse response, Func<V1.Tensor, TensorData> read) => new(
        response.Values.ToDictionary(v => v.Value, v => (TensorData?)read(v.Tensor)),
        response.Gradients.Where(g => !g.Absent).ToDictionary(g => g.Value, g => (TensorData?)read(g.Tensor)),
        [.. response.Gradients.Where(g => g.Absent).Select(g => g.Value)],
        response.TraceId,
        response.Profile,
        0,
        false);
}
