using Gradients.Engine.Execution;
using Gradients.Server.Errors;
using Gradients.Server.Evaluations;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Telemetry;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Evaluations without a session.</summary>
internal sealed class EvaluationService(EngineHost host, Evaluator evaluator, GradientsServerOptions options, Drain drain, TimeProvider time, RequestMetrics metrics, ILogger<EvaluationService> logger) : V1.EvaluationService.EvaluationServiceBase
{
    public override async Task<V1.EvaluateResponse> Evaluate(V1.EvaluateRequest request, ServerCallContext context)
    {
        var scope = CallScope.Of(context);
        var call = TenantCall.Of(context);
        var reply = await evaluator.EvaluateAsync(request, new EvaluationContext(call.Tenant, scope.Activity.Context, call.Wire.Reply, null, long.MaxValue, scope.Cancellation));
        call.Wire.Reply.Own(reply);
        host.Metrics.Sent(reply.Fill(options.MaxMessageBytes, options.MaxListBytes, call.Wire.Reply));
        var response = (V1.EvaluateResponse)reply.Message;
        response.TraceId = scope.Activity.TraceId;
        return response;
    }

    public override async Task EvaluateStream(IAsyncStreamReader<V1.EvaluateStreamRequest> requestStream, IServerStreamWriter<V1.EvaluateStreamResponse> responseStream, ServerCallContext context)
    {
        using var stream = new EvaluationStream(evaluator, host, options, drain, time, metrics, context, logger);
        await stream.RunAsync(requestStream, responseStream);
    }

    public override Task<V1.CheckGradientsResponse> CheckGradients(V1.CheckGradientsRequest request, ServerCallContext context) =>
        throw Refusals.Rpc("CheckGradients");

    public override Task<V1.AnalyzeGraphResponse> AnalyzeGraph(V1.AnalyzeGraphRequest request, ServerCallContext context) =>
        throw Refusals.Rpc("AnalyzeGraph");
}
