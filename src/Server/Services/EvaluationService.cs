using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Sessions.Commands;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Evaluations without a session: each has a session of the engine for as long as it takes.</summary>
internal sealed class EvaluationService(EngineHost host, GradientsServerOptions options) : V1.EvaluationService.EvaluationServiceBase
{
    public override async Task<V1.EvaluateResponse> Evaluate(V1.EvaluateRequest request, ServerCallContext context)
    {
        Check(request);
        var scope = CallScope.Of(context);
        var call = TenantCall.Of(context);
        using var session = new GraphSession(host, Limits(), call.Tenant.Engine);
        using var tensors = new TensorReader(host, call.Tenant.Engine, null, options);
        var graph = GraphReader.Read(request.Graph, tensors);
        var reply = await ComputeAsync(request, graph, session, tensors, scope, call.Wire.Reply);
        call.Wire.Reply.Own(reply);
        host.Metrics.Sent(reply.Fill(options.MaxMessageBytes, call.Wire.Reply));
        var response = (V1.EvaluateResponse)reply.Message;
        response.TraceId = scope.Activity.TraceId;
        return response;
    }

    public override Task EvaluateStream(IAsyncStreamReader<V1.EvaluateStreamRequest> requestStream, IServerStreamWriter<V1.EvaluateStreamResponse> responseStream, ServerCallContext context) =>
        throw Refusals.Rpc("EvaluateStream");

    public override Task<V1.CheckGradientsResponse> CheckGradients(V1.CheckGradientsRequest request, ServerCallContext context) =>
        throw Refusals.Rpc("CheckGradients");

    public override Task<V1.AnalyzeGraphResponse> AnalyzeGraph(V1.AnalyzeGraphRequest request, ServerCallContext context) =>
        throw Refusals.Rpc("AnalyzeGraph");

    private static void Check(V1.EvaluateRequest request)
    {
        GradientRequests.CheckFeatures(request.Product, request.Tangents.Count, request.BatchedCotangents);
        if (request.Roots.Count > 0)
            return;
        var unexpected = request.Wrt.Count > 0 ? "wrt"
            : request.Product != V1.ProductKind.Unspecified ? "product"
            : request.StatisticsOnly ? "statistics_only"
            : request.ZerosForAbsent ? "zeros_for_absent"
            : null;
        if (unexpected is not null)
            throw Refusals.Field(unexpected, "without roots there are no gradients.");
    }

    private SessionLimits Limits() => new()
    {
        MaxBytes = options.SessionMaxBytes,
        MaxQueueWait = options.MaxQueueWait,
        Graph = new GraphLimits { MaxNodes = options.MaxNodesPerRequest, MaxExpandedNodes = options.MaxExpandedNodes },
    };

    private async Task<Reply> ComputeAsync(V1.EvaluateRequest request, ParsedGraph graph, GraphSession session, TensorReader tensors, CallScope scope, WireCharge wire)
    {
        try
        {
            return await (request.Roots.Count > 0 ? BackwardAsync(request, graph, session, tensors, scope, wire) : ForwardAsync(request, graph, session, tensors, scope, wire));
        }
        catch (GradientsException e)
        {
            graph.Locate(e);
            throw;
        }
    }

    private async Task<Reply> ForwardAsync(V1.EvaluateRequest request, ParsedGraph graph, GraphSession session, TensorReader tensors, CallScope scope, WireCharge wire)
    {
        var result = await session.ForwardAsync(
            new ForwardRequest
            {
                Functions = graph.Functions,
                Nodes = graph.Nodes,
                Feeds = tensors.ReadFeeds(request.Feeds),
                Fetches = Fetched.Ids(request.Fetches, tensors, handles: false),
                CheckFinite = request.CheckFinite,
                Profile = request.Profile,
                Trace = scope.Activity.Context,
                Reply = Fetched.Limit(request.Fetches, !request.StatisticsOnly, options.MaxMessageBytes, wire),
            },
            scope.Cancellation);
        var response = new V1.EvaluateResponse { Profile = ProfileWriter.Write(result.Profile) };
        var reply = new Reply(response);
        reply.Own(result);
        response.Values.AddRange(Fetched.Write(request.Fetches, result.Values, reply, null));
        return reply;
    }

    private async Task<Reply> BackwardAsync(V1.EvaluateRequest request, ParsedGraph graph, GraphSession session, TensorReader tensors, CallScope scope, WireCharge wire)
    {
        tensors.CheckCount(request.Wrt.Count, "wrt");
        var result = await session.BackwardAsync(
            new BackwardRequest
            {
                Functions = graph.Functions,
                Nodes = graph.Nodes,
                Feeds = tensors.ReadFeeds(request.Feeds),
                Fetches = Fetched.Ids(request.Fetches, tensors, handles: false),
                Roots = GradientRequests.ReadRoots(request.Roots, tensors),
                Wrt = [.. request.Wrt],
                ZerosForAbsent = request.ZerosForAbsent,
                CheckFinite = request.CheckFinite,
                Profile = request.Profile,
                Trace = scope.Activity.Context,
                Reply = Fetched.Limit(request.Fetches, !request.StatisticsOnly, options.MaxMessageBytes, wire),
            },
            scope.Cancellation);
        var response = new V1.EvaluateResponse { Profile = ProfileWriter.Write(result.Profile) };
        var reply = new Reply(response);
        reply.Own(result);
        foreach (var gradient in GradientRequests.Ordered(result.Gradients, request.Wrt))
            response.Gradients.Add(GradientRequests.Write(gradient, request.StatisticsOnly, reply.Add));
        response.Values.AddRange(Fetched.Write(request.Fetches, result.Values, reply, null));
        return reply;
    }
}
