using Gradients.Engine.Execution;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Graphs stored under the digest of their content, each tenant's apart from those of others.</summary>
internal sealed class GraphService(EngineHost host, GradientsServerOptions options) : V1.GraphService.GraphServiceBase
{
    public override Task<V1.CreateGraphResponse> CreateGraph(V1.CreateGraphRequest request, ServerCallContext context)
    {
        var tenant = TenantCall.Of(context).Tenant;
        if (request.Graph is null)
            throw Refusals.Field("graph", "a graph is required.");
        using var tensors = new TensorReader(host, tenant.Engine, null, options);
        var stored = tenant.Graphs.Create(GraphReader.ReadInline(request.Graph, tensors));
        return Task.FromResult(new V1.CreateGraphResponse { Info = stored.Describe() });
    }

    public override Task<V1.GetGraphResponse> GetGraph(V1.GetGraphRequest request, ServerCallContext context)
    {
        var call = TenantCall.Of(context);
        var stored = call.Tenant.Graphs.Find(request.Name);
        var response = new V1.GetGraphResponse { Info = stored.Describe() };
        if (request.InfoOnly)
            return Task.FromResult(response);
        // What a graph counts in memory is more than the message that it was created from.
        call.Wire.Reply.Ensure(2 * stored.Bytes);
        response.Graph = GraphWriter.Write(stored.Graph.Functions, stored.Graph.Nodes);
        if (response.CalculateSize() is var bytes && bytes > options.MaxMessageBytes)
            throw Refusals.TooLarge(bytes, options.MaxMessageBytes);
        return Task.FromResult(response);
    }

    public override Task<V1.ListGraphsResponse> ListGraphs(V1.ListGraphsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize, 50, 1000);
        // The token is the last name of the page before.
        var found = TenantCall.Of(context).Tenant.Graphs.List(request.PageToken, size + 1);
        var response = new V1.ListGraphsResponse { Graphs = { found.Take(size).Select(g => g.Describe()) } };
        if (found.Length > size)
            response.NextPageToken = found[size - 1].Name;
        return Task.FromResult(response);
    }

    public override Task<V1.DeleteGraphResponse> DeleteGraph(V1.DeleteGraphRequest request, ServerCallContext context)
    {
        TenantCall.Of(context).Tenant.Graphs.Delete(request.Name);
        return Task.FromResult(new V1.DeleteGraphResponse());
    }
}
