using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Errors;

/// <summary>Adds details to gRPC errors that the framework answers by itself, so that every error has a reason.</summary>
internal sealed class ErrorDetailsMiddleware(RequestDelegate next)
{
    private const string StatusName = "grpc-status";
    private const string MessageName = "grpc-message";
    private const string DetailsName = "grpc-status-details-bin";

    public async Task InvokeAsync(HttpContext context)
    {
        // A status without a body travels in the headers, else in the trailers.
        context.Response.OnStarting(() =>
        {
            Complete(context.Response.Headers);
            return Task.CompletedTask;
        });
        await next(context);
        if (context.Response.HasStarted && context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { IsReadOnly: false } trailers)
            Complete(trailers);
    }

    private static void Complete(IHeaderDictionary headers)
    {
        if (!int.TryParse(headers[StatusName], out var code) || code == 0 || headers.ContainsKey(DetailsName))
            return;
        var status = FrameworkErrors.Of((StatusCode)code, Uri.UnescapeDataString(headers[MessageName].ToString()));
        headers[StatusName] = status.Code.ToString();
        headers[MessageName] = Uri.EscapeDataString(status.Message);
        headers[DetailsName] = Convert.ToBase64String(status.ToByteArray()).TrimEnd('=');
    }
}
