using Gradients.Server.Errors;

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
        await StatusResponse.WriteAsync(context, ErrorStatus.Of(verdict.Code, verdict.Reason, verdict.Message));
    }
}
