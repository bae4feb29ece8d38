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

namespace Gradients.Server.Evaluations;

/// <summary>Evaluates: each request has a session of the engine for as long as it takes.</summary>
internal sealed class Evaluator(EngineHost host, GradientsServerOptions options)
{
    private readonly SessionLimits _limits = new()
    {
        MaxBytes = options.SessionMaxBytes,
        MaxQueueWait = options.MaxQueueWait,
        Graph = new GraphLimits { MaxNodes = options.MaxNodesPerRequest, MaxExpandedNodes = options.MaxExpandedNodes },
    };

    /// <summary>The reply, without its trace id. Tensors are read before the first await.</summary>
    /// <exception cref="GradientsException">Whatever is wrong with the request.</exception>
    public async Task<Reply> EvaluateAsync(V1.EvaluateRequest request, EvaluationContext context)
    {
        Check(request);
        using var tensors = new TensorReader(host, context.Tenant.Engine, context.Handles, options);
        if (request.Graph?.SourceCase == V1.GraphSource.SourceOneofCase.DigestName)
        {
            using var stored = new GraphSession(host, _limits, context.Tenant.Engine, context.Tenant.Graphs.Find(request.Graph.DigestName).Graph);
            return await ComputeAsync(request, [], [], stored, tensors, context);
        }

        var graph = GraphReader.Read(request.Graph, tensors);
        using var session = new GraphSession(host, _limits, context.Tenant.Engine);
        try
        {
            return await ComputeAsync(request, graph.Functions, graph.Nodes, session, tensors, context);
        }
        catch (GradientsException e)
        {
            graph.Locate(e);
            throw;
        }
    }

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

    private Task<Reply> ComputeAsync(V1.EvaluateRequest request, FunctionSpec[] functions, NodeSpec[] nodes, GraphSession session, TensorReader tensors, EvaluationContext context) =>
        request.Roots.Count > 0 ? BackwardAsync(request, functions, nodes, session, tensors, context) : ForwardAsync(request, functions, nodes, session, tensors, context);

    private async Task<Reply> ForwardAsync(V1.EvaluateRequest request, FunctionSpec[] functions, NodeSpec[] nodes, GraphSession session, TensorReader tensors, EvaluationContext context)
    {
        var result = await session.ForwardAsync(
            new ForwardRequest
            {
                Functions = functions,
                Nodes = nodes,
                Feeds = tensors.ReadFeeds(request.Feeds),
                Fetches = Fetched.Ids(request.Fetches, tensors, handles: false),
                CheckFinite = request.CheckFinite,
                Profile = request.Profile,
                Trace = context.Trace,
                Reply = Limit(request, context),
            },
            context.Cancellation);
        var response = new V1.EvaluateResponse { Profile = ProfileWriter.Write(result.Profile) };
        var reply = new Reply(response, TensorLists.AreAsked(request.TensorFormat), result, result.Values.Count);
        Fetched.Write(response.Values, request.Fetches, result.Values, reply, null);
        return reply;
    }

    private async Task<Reply> BackwardAsync(V1.EvaluateRequest request, FunctionSpec[] functions, NodeSpec[] nodes, GraphSession session, TensorReader tensors, EvaluationContext context)
    {
        tensors.CheckCount(request.Wrt.Count, "wrt");
        var result = await session.BackwardAsync(
            new BackwardRequest
            {
                Functions = functions,
                Nodes = nodes,
                Feeds = tensors.ReadFeeds(request.Feeds),
                Fetches = Fetched.Ids(request.Fetches, tensors, handles: false),
                Roots = GradientRequests.ReadRoots(request.Roots, tensors),
                Wrt = [.. request.Wrt],
                ZerosForAbsent = request.ZerosForAbsent,
                CheckFinite = request.CheckFinite,
                Profile = request.Profile,
                Trace = context.Trace,
                Reply = Limit(request, context),
            },
            context.Cancellation);
        var response = new V1.EvaluateResponse { Profile = ProfileWriter.Write(result.Profile) };
        var reply = new Reply(response, TensorLists.AreAsked(request.TensorFormat), result, result.Gradients.Count + result.Values.Count);
        GradientRequests.Write(response.Gradients, result.Gradients, request.Wrt, request.StatisticsOnly, reply.Add);
        Fetched.Write(response.Values, request.Fetches, result.Values, reply, null);
        return reply;
    }

    private ReplyLimit Limit(V1.EvaluateRequest request, EvaluationContext context) =>
        Fetched.Limit(request.Fetches, !request.StatisticsOnly, request.TensorFormat, options, context.Wire) with { InlineBytes = context.InlineBytes };
}
