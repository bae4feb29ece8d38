using Gradients.Server.Errors;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Stored graphs are an optional part of the contract that this server does not list.</summary>
internal sealed class GraphService : V1.GraphService.GraphServiceBase
{
    public override Task<V1.CreateGraphResponse> CreateGraph(V1.CreateGraphRequest request, ServerCallContext context) => throw Refusals.Rpc("CreateGraph");

    public override Task<V1.GetGraphResponse> GetGraph(V1.GetGraphRequest request, ServerCallContext context) => throw Refusals.Rpc("GetGraph");

    public override Task<V1.ListGraphsResponse> ListGraphs(V1.ListGraphsRequest request, ServerCallContext context) => throw Refusals.Rpc("ListGraphs");

    public override Task<V1.DeleteGraphResponse> DeleteGraph(V1.DeleteGraphRequest request, ServerCallContext context) => throw Refusals.Rpc("DeleteGraph");
}
