using System.Text;
using Gradients.Server.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Errors;

/// <summary>A status as the whole answer: in headers to a gRPC request, as JSON to any other.</summary>
internal static class StatusResponse
{
    public static bool IsGrpc(HttpRequest request) => request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    public static Task WriteAsync(HttpContext context, Status status)
    {
        var response = context.Response;
        if (IsGrpc(context.Request))
        {
            response.ContentType = "application/grpc";
            StatusHeaders.Write(response.Headers, status);
            return Task.CompletedTask;
        }

        Tell(context, status);
        response.StatusCode = HttpCode((StatusCode)status.Code);
        if (response.StatusCode == StatusCodes.Status401Unauthorized)
            response.Headers.WWWAuthenticate = "Bearer";
        response.ContentType = "application/json";
        return response.Body.WriteAsync(Encoding.UTF8.GetBytes(JsonText.Of(status))).AsTask();
    }

    /// <summary>Leaves the status where telemetry reads it; nothing of it is sent.</summary>
    public static void Tell(HttpContext context, Status status)
    {
        var trailers = new UnsentTrailers();
        StatusHeaders.Write(trailers.Trailers, status);
        context.Features.Set<IHttpResponseTrailersFeature>(trailers);
    }

    /// <summary>As google.rpc.Code documents it.</summary>
    private static int HttpCode(StatusCode code) => code switch
    {
        StatusCode.OK => StatusCodes.Status200OK,
        StatusCode.InvalidArgument or StatusCode.OutOfRange or StatusCode.FailedPrecondition => StatusCodes.Status400BadRequest,
        StatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        StatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
        StatusCode.NotFound => StatusCodes.Status404NotFound,
        StatusCode.AlreadyExists or StatusCode.Aborted => StatusCodes.Status409Conflict,
        StatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        StatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
        StatusCode.Unimplemented => StatusCodes.Status501NotImplemented,
        StatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        StatusCode.DeadlineExceeded => StatusCodes.Status504GatewayTimeout,
        _ => StatusCodes.Status500InternalServerError,
    };
}
