using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Rpc;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.ObjectPool;

namespace Gradients.Server.Services;

/// <summary>
/// Runs every call: refusal while draining, the span, the tenant's quotas, and the one place where failures become statuses. It is
/// bound with the methods, inside of all interceptors: as one of those it would cost each call two more awaits.
/// </summary>
internal sealed class CallRunner(Drain drain, Admission admission, RequestMetrics metrics, TimeProvider time, ILogger<CallRunner> logger)
{
    private static readonly ConcurrentDictionary<string, string> _commands = new(StringComparer.Ordinal);

    private readonly ObjectPool<CancellationTokenSource> _sources = new DefaultObjectPoolProvider().Create(new CancellationPolicy(time));

    public async Task<TResponse> UnaryAsync<TService, TRequest, TResponse>(UnaryServerMethod<TService, TRequest, TResponse> method, TService service, TRequest request, ServerCallContext context)
        where TService : class
        where TRequest : class
        where TResponse : class
    {
        using var scope = Open(context);
        try
        {
            scope?.Enter();
            using var call = scope is null ? null : admission.Enter(context, streaming: false);
            return await method(service, request, context);
        }
        catch (Exception e) when (scope is not null)
        {
            throw Failed(e, context, scope);
        }
    }

    public async Task<TResponse> ClientStreamingAsync<TService, TRequest, TResponse>(ClientStreamingServerMethod<TService, TRequest, TResponse> method, TService service, IAsyncStreamReader<TRequest> requests, ServerCallContext context)
        where TService : class
        where TRequest : class
        where TResponse : class
    {
        using var scope = Open(context);
        try
        {
            scope?.Enter(metrics.Uploads);
            using var call = scope is null ? null : admission.Enter(context, streaming: true);
            return await method(service, requests, context);
        }
        catch (Exception e) when (scope is not null)
        {
            throw Failed(e, context, scope);
        }
    }

    public async Task ServerStreamingAsync<TService, TRequest, TResponse>(ServerStreamingServerMethod<TService, TRequest, TResponse> method, TService service, TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        where TService : class
        where TRequest : class
        where TResponse : class
    {
        using var scope = Open(context);
        try
        {
            scope?.Enter();
            using var call = scope is null ? null : admission.Enter(context, streaming: true);
            await method(service, request, responses, context);
        }
        catch (Exception e) when (scope is not null)
        {
            throw Failed(e, context, scope);
        }
    }

    public async Task DuplexStreamingAsync<TService, TRequest, TResponse>(DuplexStreamingServerMethod<TService, TRequest, TResponse> method, TService service, IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        where TService : class
        where TRequest : class
        where TResponse : class
    {
        using var scope = Open(context);
        try
        {
            scope?.Enter(metrics.Streams);
            using var call = scope is null ? null : admission.Enter(context, streaming: true);
            await method(service, requests, responses, context);
        }
        catch (Exception e) when (scope is not null)
        {
            throw Failed(e, context, scope);
        }
    }

    /// <summary>The framework's span where someone listens, else the caller's own context. A call's own list of headers would be made for this.</summary>
    private static ActivityContext Parent(ServerCallContext context) =>
        Activity.Current?.Context ?? (context.GetHttpContext().Request.Headers is var headers ? RequestActivity.Parse(headers.TraceParent.ToString(), headers.TraceState.ToString()) : default);

    /// <summary>The method's own name, which is made once.</summary>
    private static string CommandOf(string method) => _commands.GetOrAdd(method, static m => m[(m.LastIndexOf('/') + 1)..]);

    /// <summary>Null for health and reflection, which answer until the listener closes.</summary>
    private CallScope? Open(ServerCallContext context)
    {
        if (context.Method.StartsWith("/grpc.", StringComparison.Ordinal))
            return null;
        var caller = context.GetHttpContext().Features.GetRequiredFeature<Caller>();
        var scope = new CallScope(caller, RequestActivity.Start(CommandOf(context.Method), Parent(context)), drain, _sources, context.CancellationToken);
        scope.Attach(context);
        return scope;
    }

    /// <summary>What the call is answered with.</summary>
    private RpcException Failed(Exception e, ServerCallContext context, CallScope scope)
    {
        var status = new CallFailures(context, drain).StatusOf(e, out var fault);
        var reason = ErrorStatus.ReasonOf(status);
        scope.Activity.SetError(reason);
        if (fault)
            logger.Faulted(e, context.Method, scope.Activity.TraceId);
        else
            logger.Refused(context.Method, reason, scope.Activity.TraceId);
        return status.ToRpcException();
    }
}
