using Gradients.Server.Errors;

namespace Gradients.Server.Security;

/// <summary>
/// Lets nobody in without a credential where one is required, whatever the path, and before a byte of the request's body is
/// read. Leaves the <see cref="Caller"/> in the features of the request.
/// </summary>
internal sealed class AuthenticationMiddleware(RequestDelegate next, Authenticator authenticator, RefusalLog log)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (Exemptions.Cover(context))
            return next(context);
        if (authenticator.IsRequired)
            return JudgeAsync(context);
        context.Features.Set(Caller.Anonymous);
        return next(context);
    }

    private async Task JudgeAsync(HttpContext context)
    {
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
