using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Hosting;

/// <summary>The services of a call are those of the whole server: none of them has a scope, so no call pays for one.</summary>
internal sealed class ServerServices(IServiceProvider services) : IServiceProvidersFeature
{
    public IServiceProvider RequestServices
    {
        get => services;
        set => throw new NotSupportedException("All calls have the same services.");
    }

    /// <summary>Endpoints of others, who may share the process, keep their scopes.</summary>
    public static void UseIn(WebApplication app)
    {
        var services = new ServerServices(app.Services);
        app.Use((context, next) =>
        {
            if (context.GetEndpoint()?.Metadata.GetMetadata<ListenerMetadata>() is not null)
                context.Features.Set<IServiceProvidersFeature>(services);
            return next(context);
        });
    }
}
