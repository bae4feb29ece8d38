using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Errors;

/// <summary>Adds details to gRPC errors that the framework answers by itself, so that every error has a reason.</summary>
internal sealed class ErrorDetailsMiddleware(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        // A status without a body travels in the headers, else in the trailers.
        context.Response.OnStarting(CompleteHeaders, context.Response);
        await next(context);
        if (context.Response.HasStarted && context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { IsReadOnly: false } trailers)
            Complete(trailers);
    }

    private static Task CompleteHeaders(object response)
    {
        Complete(((HttpResponse)response).Headers);
        return Task.CompletedTask;
    }

    private static void Complete(IHeaderDictionary headers)
    {
        if (StatusHeaders.IsError(headers) && !headers.ContainsKey(StatusHeaders.Details) && StatusHeaders.Read(headers) is { Code: not 0 } status)
            StatusHeaders.Write(headers, status);
    }
}
