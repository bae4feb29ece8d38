using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Grpc.AspNetCore.Server;
using Grpc.AspNetCore.Web;
using Grpc.Core;

namespace Gradients.Server.Web;

/// <summary>What the web listener has beside the services: gRPC-Web, JSON, CORS and the contract itself.</summary>
internal static class WebListener
{
    /// <summary>What scripts of other origins may read of an answer, beside its body.</summary>
    private static readonly string[] ExposedHeaders = [StatusHeaders.Code, StatusHeaders.Message, StatusHeaders.Details, "gradients-replayed", "www-authenticate"];

    /// <summary>CORS, before credentials are asked for, and gRPC-Web, which is gRPC to all that comes after.</summary>
    public static void UseWeb(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<GradientsServerOptions>().Web;
        if (options.Port is null)
            return;
        app.UseWhen(context => ListenerFeature.Of(context) == Listener.Web, web =>
        {
            if (options.AllowedOrigins.Count > 0)
            {
                web.UseCors(policy => policy
                    .WithOrigins([.. options.AllowedOrigins])
                    .WithMethods(HttpMethods.Get, HttpMethods.Post, HttpMethods.Delete)
                    .AllowAnyHeader()
                    .WithExposedHeaders(ExposedHeaders)
                    .SetPreflightMaxAge(TimeSpan.FromMinutes(10)));
            }

            web.UseGrpcWeb(new GrpcWebOptions { DefaultEnabled = true });
        });
    }

    /// <summary>A path for each rpc with an HTTP rule; the services must be mapped already.</summary>
    public static void MapWeb(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<GradientsServerOptions>();
        if (options.Web.Port is null)
            return;
        foreach (var endpoint in ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints).ToList())
        {
            if (endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is { } bound && JsonRoute.Of(bound) is { } route)
                app.MapMethods(route.Pattern, [route.Verb], new JsonCall(endpoint.RequestDelegate!, route, options).InvokeAsync).WithMetadata(bound).OnListener(Listener.Web);
        }

        app.MapGet("/v1/descriptor", WriteDescriptorAsync).OnListener(Listener.Web);
        app.MapFallback("{**path}", RefuseAsync).OnListener(Listener.Web);
    }

    private static Task WriteDescriptorAsync(HttpContext context)
    {
        context.Response.ContentType = "application/x-protobuf";
        context.Response.Headers.ContentDisposition = "attachment; filename=gradients.binpb";
        return context.Response.Body.WriteAsync(ContractDescriptor.Bytes).AsTask();
    }

    private static Task RefuseAsync(HttpContext context) =>
        StatusResponse.WriteAsync(context, ErrorStatus.Of(StatusCode.Unimplemented, ErrorReasons.RpcUnimplemented, "This server serves nothing at this path by this method."));
}
