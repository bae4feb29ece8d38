using Gradients.Server.Security;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Gradients.Server.Tests.Tenants;

/// <summary>Takes a call for that of the tenant in its header <c>test-tenant</c>: stands where authentication does, ahead of the span and the quotas.</summary>
internal sealed class TenantHeader : Interceptor
{
    public const string Name = "test-tenant";

    public static void Trust(IServiceCollection services) => services.PostConfigure<GrpcServiceOptions>(o => o.Interceptors.Add<TenantHeader>());

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Replace(context);
        return continuation(request, context);
    }

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Replace(context);
        return continuation(requestStream, context);
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Replace(context);
        return continuation(request, responseStream, context);
    }

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Replace(context);
        return continuation(requestStream, responseStream, context);
    }

    private static void Replace(ServerCallContext context)
    {
        if (context.RequestHeaders.GetValue(Name) is { } tenant)
            context.GetHttpContext().Features.Set(new Caller(tenant));
    }
}
