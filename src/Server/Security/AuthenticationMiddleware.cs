using Google.Protobuf;
using Gradients.Server.Errors;
using Grpc.Core;

namespace Gradients.Server.Security;

/// <summary>
/// Lets nobody in without a credential where one is required, whatever the path, and before a byte of the request's body is
/// read. Leaves the <see cref="Caller"/> in the features of the request.
/// </summary>
internal sealed class AuthenticationMiddleware(RequestDelegate next, Authenticator authenticator, RefusalLog log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (Exemptions.Cover(context))
        {
            await next(context);
            return;
        }

        if (!authenticator.IsRequired)
        {
            context.Features.Set(Caller.Anonymous);
            await next(context);
            return;
        }

        var verdict = await authenticator.JudgeAsync(context.Request.Headers.Authorization);
        if (verdict.Caller is { } caller)
        {
            context.Features.Set(caller);
            await next(context);
            return;
        }

        log.Add(context, verdict.Cause);
        Refuse(context, verdict);
    }

    private static void Refuse(HttpContext context, Verdict verdict)
    {
        var response = context.Response;
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) != true)
        {
            response.StatusCode = verdict.Code == StatusCode.Unauthenticated ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden;
            if (verdict.Code == StatusCode.Unauthenticated)
                response.Headers.WWWAuthenticate = "Bearer";
            return;
        }

        var status = ErrorStatus.Of(verdict.Code, verdict.Reason, verdict.Message);
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = status.Code.ToString();
        response.Headers["grpc-message"] = Uri.EscapeDataString(status.Message);
        response.Headers["grpc-status-details-bin"] = Convert.ToBase64String(status.ToByteArray()).TrimEnd('=');
    }
}
