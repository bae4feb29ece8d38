using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Services;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Gradients.Server.Limits;

/// <summary>Counts every call to its tenant, once its caller is known; refuses what is too much, and sessions where none are kept.</summary>
internal sealed class QuotaInterceptor(TenantRegistry tenants, GradientsServerOptions options) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        using var call = Enter(context, streaming: false);
        return await continuation(request, context);
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        using var call = Enter(context, streaming: true);
        return await continuation(requestStream, context);
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        using var call = Enter(context, streaming: true);
        await continuation(request, responseStream, context);
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        using var call = Enter(context, streaming: true);
        await continuation(requestStream, responseStream, context);
    }

    /// <summary>Null for health and reflection, which belong to no tenant.</summary>
    private TenantCall? Enter(ServerCallContext context, bool streaming)
    {
        if (context.Method.StartsWith("/grpc.", StringComparison.Ordinal))
            return null;
        if (options.Stateless && IsOfSessions(context.Method))
            throw Refusals.Stateless();
        var tenant = tenants.Enter(CallScope.Of(context).Caller);
        var streams = false;
        try
        {
            if (streaming)
                tenant.Streams.Take(1);
            streams = streaming;
            var wire = WireLease.Current ?? throw new InvalidOperationException("The call has no lease.");
            wire.AssignTo(tenant.Wire, tenant.Bytes);
            var call = new TenantCall(tenant, wire, streaming);
            call.Attach(context);
            return call;
        }
        catch
        {
            if (streams)
                tenant.Streams.Give(1);
            TenantRegistry.Leave(tenant);
            throw;
        }
    }

    private static bool IsOfSessions(string method) =>
        method.StartsWith("/gradients.v1.SessionService/", StringComparison.Ordinal) || method.StartsWith("/gradients.v1.TensorService/", StringComparison.Ordinal);
}
