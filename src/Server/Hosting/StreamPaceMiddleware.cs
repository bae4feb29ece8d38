using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Hosting;

/// <summary>Sets the pace of two-way streams, before gRPC's reader has their body.</summary>
internal sealed class StreamPaceMiddleware(RequestDelegate next, GradientsServerOptions options, TimeProvider time)
{
    public Task InvokeAsync(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type == MethodType.DuplexStreaming ? PaceAsync(context) : next(context);

    private async Task PaceAsync(HttpContext context)
    {
        using var pace = new StreamPace(context.Request.BodyReader, options, time, _ => context.Abort());
        context.Features.Set(pace);
        context.Features.Set<IRequestBodyPipeFeature>(pace);
        await next(context);
    }
}
