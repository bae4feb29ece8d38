using System.Diagnostics.Metrics;
using System.Net;
using Gradients.Engine.Execution;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Services;
using Gradients.Server.Sessions;
using Gradients.Server.Telemetry;
using Gradients.Server.Wire;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Gradients.Server.Hosting;

/// <summary>Builds the server, for its own process and for others that embed it.</summary>
public static class GradientsServer
{
    /// <summary>
    /// A server that is configured and not yet started. Section <c>Gradients</c> of the configuration and environment
    /// variables <c>GRADIENTS__NAME</c> override <paramref name="options"/>.
    /// </summary>
    /// <param name="args">Command-line configuration, such as <c>--Gradients:Port=5000</c>.</param>
    /// <param name="configure">Last changes to the builder, such as a <see cref="TimeProvider"/> or logging.</param>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">A setting is out of its range.</exception>
    public static WebApplication Build(GradientsServerOptions options, string[]? args = null, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(args ?? []);
        builder.Configuration.GetSection("Gradients").Bind(options);
        GradientsServerOptionsCheck.Validate(options);
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options));
        builder.Services.Configure<HostOptions>(h => h.ShutdownTimeout = options.DrainTimeout + TimeSpan.FromSeconds(5));
        AddServices(builder.Services, options);
        configure?.Invoke(builder);
        builder.AddGradientsTelemetry(options.Telemetry);

        var app = builder.Build();
        app.UseMiddleware<CallTelemetry>();
        app.UseMiddleware<ErrorDetailsMiddleware>();
        app.MapGrpcService<SessionService>();
        app.MapGrpcService<TensorService>();
        app.MapGrpcService<EvaluationService>();
        app.MapGrpcService<GraphService>();
        app.MapGrpcService<ServerService>();
        app.MapGrpcHealthChecksService();
        app.MapGrpcReflectionService();
        app.Lifetime.ApplicationStarted.Register(() => app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Gradients.Server").Listening(ServerService.Version, Address(app).ToString(), IsaLevel.Name, app.Services.GetRequiredService<SessionRegistry>().Incarnation.ToString("x8")));
        return app;
    }

    /// <summary>Where a started server listens, with the port that it was given.</summary>
    public static Uri Address(WebApplication app) =>
        new(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single());

    private static void Configure(KestrelServerOptions kestrel, GradientsServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.MaxMessageBytes + (1L << 20);
        kestrel.Limits.Http2.MaxStreamsPerConnection = options.MaxStreamsPerConnection;
        kestrel.Listen(IPAddress.Parse(options.Address), options.Port, listen => listen.Protocols = HttpProtocols.Http2);
    }

    private static void AddServices(IServiceCollection services, GradientsServerOptions options)
    {
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<Drain>();
        services.AddSingleton(provider => new EngineHost(EngineOptions(options) with { Time = provider.GetRequiredService<TimeProvider>(), Meter = provider.GetRequiredService<IMeterFactory>().Create(GradientsActivities.SourceName) }));
        services.AddSingleton<SessionRegistry>();
        services.AddSingleton<SessionOpening>();
        services.AddSingleton<SessionService>();
        services.AddSingleton<TensorService>();
        services.AddSingleton<EvaluationService>();
        services.AddSingleton<GraphService>();
        services.AddSingleton<ServerService>();
        services.AddHostedService<DrainOnStop>();
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.MaxMessageBytes;
            grpc.Interceptors.Add<RequestInterceptor>();
        });
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks().AddCheck<DrainHealthCheck>("gradients");
        services.Replace(ServiceDescriptor.Singleton(typeof(IServiceMethodProvider<>), typeof(GuardedMethodProvider<>)));
    }

    private static EngineOptions EngineOptions(GradientsServerOptions options) => new()
    {
        Pool = new BufferPoolOptions { BudgetBytes = options.MemoryBudgetBytes, PoisonReturned = options.PoisonReturnedMemory },
        Scheduler = new SchedulerOptions { Threads = options.ComputeThreads == 0 ? Environment.ProcessorCount : options.ComputeThreads },
        PlanCacheBytes = options.PlanCacheBytes,
        MaxFlopsPerRequest = options.MaxFlopsPerRequest,
        OpSpans = options.Telemetry.NodeSpans,
    };
}
