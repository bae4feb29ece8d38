using Google.Protobuf;
using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Graphs;
using Gradients.Server.Limits;
using Gradients.Server.Wire;

namespace Gradients.Server.Evaluations;

/// <summary>A request of a warm-up file: its graph is stored, and what it does not feed is 0.</summary>
internal static class WarmUpRequest
{
    /// <summary>Stores the graph and completes the request, which then names it by its digest.</summary>
    /// <exception cref="Engine.GradientsException">Something is wrong with the request.</exception>
    public static void Prepare(V1.EvaluateRequest request, TenantUsage tenant, TensorReader tensors)
    {
        if (request.Fetches.Count + request.Roots.Count == 0)
            throw Refusals.Field("fetches", "without fetches and roots nothing is computed.");
        var graph = GraphReader.Read(request.Graph, tensors);
        Feed(request, graph);
        request.Graph = new V1.GraphSource { DigestName = tenant.Graphs.Create(graph).Name };
    }

    private static void Feed(V1.EvaluateRequest request, ParsedGraph graph)
    {
        var declared = graph.Nodes.Where(n => n.Op is "Input" or "Variable").ToDictionary(n => n.Id, n => (TensorType)n.Attributes.Find("type")!);
        var lengths = new Dictionary<string, long>();
        foreach (var feed in request.Feeds)
        {
            if (!declared.Remove(feed.Node, out var type) || feed.Tensor is null)
                continue;
            if (feed.Tensor.ContentCase == V1.Tensor.ContentOneofCase.None)
            {
                feed.Tensor.DataType = WireTypes.Write(type.DataType);
                FillWithZeros(feed.Tensor);
            }

            for (var i = 0; i < Math.Min(type.Dimensions.Count, feed.Tensor.Shape.Count); i++)
                lengths.TryAdd(type.Dimensions[i].Symbol ?? "", feed.Tensor.Shape[i]);
        }

        foreach (var (id, type) in declared)
        {
            var zeros = new V1.Tensor { DataType = WireTypes.Write(type.DataType), Shape = { type.Dimensions.Select(d => d.Symbol is { } symbol ? lengths.GetValueOrDefault(symbol, 1) : d.Size) } };
            FillWithZeros(zeros);
            request.Feeds.Add(new V1.Feed { Node = id, Tensor = zeros });
        }
    }

    private static void FillWithZeros(V1.Tensor tensor)
    {
        var bytes = WireTypes.ReadShape(tensor.Shape, "feeds.tensor.shape").ElementCount * WireTypes.Read(tensor.DataType, "feeds.tensor.data_type").Size();
        if (bytes > Array.MaxLength)
            throw Refusals.OverLimit("feeds.tensor.shape", "max_tensor_bytes", Array.MaxLength, bytes);
        tensor.Raw = UnsafeByteOperations.UnsafeWrap(new byte[bytes]);
    }
}
