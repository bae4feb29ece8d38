using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Google.Rpc;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Services;

/// <summary>Around every call: refusal while draining, the span, and the one place where failures become statuses.</summary>
internal sealed class RequestInterceptor(Drain drain, RequestMetrics metrics, ILogger<RequestInterceptor> logger) : Interceptor
{
    private static readonly ConcurrentDictionary<string, string> _commands = new(StringComparer.Ordinal);

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, () => continuation(request, context)).AsTask();

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, () => continuation(requestStream, context), metrics.Uploads).AsTask();

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, async () =>
        {
            await continuation(request, responseStream, context);
            return true;
        }).AsTask();

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, async () =>
        {
            await continuation(requestStream, responseStream, context);
            return true;
        }, metrics.Streams).AsTask();

    /// <summary>The framework's span where someone listens, else the caller's own context. A call's own list of headers would be made for this.</summary>
    private static ActivityContext Parent(ServerCallContext context) =>
        Activity.Current?.Context ?? (context.GetHttpContext().Request.Headers is var headers ? RequestActivity.Parse(headers.TraceParent.ToString(), headers.TraceState.ToString()) : default);

    /// <summary>The method's own name, which is made once.</summary>
    private static string CommandOf(string method) => _commands.GetOrAdd(method, static m => m[(m.LastIndexOf('/') + 1)..]);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<T> GuardAsync<T>(ServerCallContext context, Func<Task<T>> call, OpenCalls? open = null)
    {
        // Health and reflection answer until the listener closes.
        if (context.Method.StartsWith("/grpc.", StringComparison.Ordinal))
            return await call();
        using var activity = RequestActivity.Start(CommandOf(context.Method), Parent(context));
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, drain.Aborted);
        new CallScope(context.GetHttpContext().Features.GetRequiredFeature<Caller>(), activity, linked.Token).Attach(context);
        var entered = false;
        open?.Enter();
        try
        {
            drain.Enter();
            entered = true;
            return await call();
        }
        catch (Exception e)
        {
            var status = new CallFailures(context, drain).StatusOf(e, out var fault);
            var reason = ErrorStatus.ReasonOf(status);
            activity.SetError(reason);
            if (fault)
                logger.Faulted(e, context.Method, activity.TraceId);
            else
                logger.Refused(context.Method, reason, activity.TraceId);
            throw status.ToRpcException();
        }
        finally
        {
            open?.Leave();
            if (entered)
                drain.Leave();
        }
    }
}
