using System.Diagnostics.Metrics;
using System.Net;
using Gradients.Engine.Execution;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Evaluations;
using Gradients.Server.Graphs;
using Gradients.Server.Limits;
using Gradients.Server.Security;
using Gradients.Server.Services;
using Gradients.Server.Sessions;
using Gradients.Server.Telemetry;
using Gradients.Server.Web;
using Gradients.Server.Wire;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Connections;
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
        Bind(builder.Configuration.GetSection("Gradients"), options);
        GradientsServerOptionsCheck.Validate(options);
        var listeners = new Listeners(options);
        builder.Services.AddSingleton(listeners);
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options, listeners));
        builder.WebHost.UseSockets(sockets =>
        {
            sockets.CreateBoundListenSocket = listeners.Bind;
            // A chunk is handed to the connection at once: each wait in its middle costs managed memory.
            sockets.MaxWriteBufferSize = 1 << 20;
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.Configure<HostOptions>(h => h.ShutdownTimeout = options.DrainTimeout + TimeSpan.FromSeconds(5));
        AddServices(builder.Services, options);
        configure?.Invoke(builder);
        builder.AddGradientsTelemetry(options.Telemetry);

        var app = builder.Build();
        try
        {
            Map(app);
        }
        catch
        {
            ((IDisposable)app).Dispose();
            throw;
        }

        return app;
    }

    /// <summary>Where a started server listens, with the port that it was given.</summary>
    public static Uri Address(WebApplication app) => app.Services.GetRequiredService<Listeners>().Address(Listener.Main)!;

    /// <summary>The file of the Unix domain socket on which a started server listens too; null when it is not configured.</summary>
    public static string? SocketPath(WebApplication app) => app.Services.GetRequiredService<Listeners>().SocketPath;

    /// <summary>Where a started server answers operators over HTTP/1.1; null when that port is not configured.</summary>
    public static Uri? ManagementAddress(WebApplication app) => app.Services.GetRequiredService<Listeners>().Address(Listener.Management);

    /// <summary>Where a started server answers gRPC health probes without TLS; null when that port is not configured.</summary>
    public static Uri? ManagementGrpcAddress(WebApplication app) => app.Services.GetRequiredService<Listeners>().Address(Listener.ManagementGrpc);

    /// <summary>Where a started server speaks gRPC-Web and JSON; null when that port is not configured.</summary>
    public static Uri? WebAddress(WebApplication app) => app.Services.GetRequiredService<Listeners>().Address(Listener.Web);

    private static void Bind(IConfigurationSection section, GradientsServerOptions options)
    {
        TenantQuotaBinding.Bind(section, options);
        // A misspelt setting of the door must not leave it open.
        section.GetSection(nameof(options.Authentication)).Bind(options.Authentication, Strict);
        section.GetSection(nameof(options.Tls)).Bind(options.Tls, Strict);
        section.GetSection(nameof(options.Management)).Bind(options.Management, Strict);
        section.GetSection(nameof(options.Web)).Bind(options.Web, Strict);
        options.Telemetry.Prometheus ??= options.Management.Port is not null;

        static void Strict(BinderOptions binder) => binder.ErrorOnUnknownConfiguration = true;
    }

    private static void Map(WebApplication app)
    {
        // Made now: a file that cannot be read keeps the server from starting.
        app.Services.GetRequiredService<Authenticator>();
        app.Services.GetService<TlsFiles>();
        app.Services.GetRequiredService<WarmUp>();
        ServerServices.UseIn(app);
        app.UseWeb();
        app.UseMiddleware<CallTelemetry>();
        app.UseMiddleware<ErrorDetailsMiddleware>();
        app.UseMiddleware<AuthenticationMiddleware>();
        app.UseMiddleware<WireLeaseMiddleware>();
        app.UseMiddleware<StreamPaceMiddleware>();
        app.MapGrpcService<SessionService>().OnListener(Listener.Services);
        app.MapGrpcService<TensorService>().OnListener(Listener.Services);
        app.MapGrpcService<EvaluationService>().OnListener(Listener.Services);
        app.MapGrpcService<GraphService>().OnListener(Listener.Services);
        app.MapGrpcService<ServerService>().OnListener(Listener.Services);
        app.MapGrpcHealthChecksService().OnListener(Listener.Services | Listener.ManagementGrpc);
        app.MapGrpcReflectionService().OnListener(Listener.Services);
        app.MapWeb();
        app.MapManagement();
        app.Lifetime.ApplicationStarted.Register(() => Announce(app));
    }

    private static void Announce(WebApplication app)
    {
        var options = app.Services.GetRequiredService<GradientsServerOptions>();
        var address = Address(app).ToString();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Gradients.Server");
        logger.Listening(ServerService.Version, address, IsaLevel.Name, app.Services.GetRequiredService<SessionRegistry>().Incarnation.ToString("x8"));
        if (WebAddress(app) is { } web)
            logger.WebListening(web.ToString());
        if (ManagementAddress(app) is { } management)
            logger.ManagementListening("management", management.ToString());
        if (ManagementGrpcAddress(app) is { } probes)
            logger.ManagementListening("gRPC health", probes.ToString());
        if (options.IsOpen && !IPAddress.IsLoopback(IPAddress.Parse(options.Address)))
            logger.Open(address);
    }

    private static void Configure(KestrelServerOptions kestrel, GradientsServerOptions options, Listeners listeners)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.MaxMessageBytes + (1L << 20);
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.Http2.MaxStreamsPerConnection = options.MaxStreamsPerConnection;
        kestrel.Limits.Http2.InitialConnectionWindowSize = options.ConnectionWindowBytes;
        kestrel.Limits.Http2.InitialStreamWindowSize = options.StreamWindowBytes;
        listeners.Configure(kestrel);
    }

    private static void AddServices(IServiceCollection services, GradientsServerOptions options)
    {
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<Drain>();
        services.AddSingleton(provider => new EngineHost(EngineOptions(options) with { Time = provider.GetRequiredService<TimeProvider>(), Meter = provider.GetRequiredService<IMeterFactory>().Create(GradientsActivities.SourceName) }));
        services.AddSingleton<ConnectionMemory>();
        services.Replace(ServiceDescriptor.Singleton<IMemoryPoolFactory<byte>>(provider => provider.GetRequiredService<ConnectionMemory>()));
        services.AddSingleton<ServerQuotas>();
        services.AddSingleton<TenantRegistry>();
        services.AddSingleton<CallRunner>();
        services.AddSingleton<Admission>();
        services.AddSingleton<SessionRegistry>();
        services.AddSingleton<SessionOpening>();
        services.AddSingleton<SessionService>();
        services.AddSingleton<TensorService>();
        services.AddSingleton<GraphStore>();
        services.AddSingleton<Evaluator>();
        services.AddSingleton<EvaluationService>();
        services.AddSingleton<GraphService>();
        services.AddSingleton<ServerService>();
        services.AddSingleton(options.Authentication);
        services.AddSingleton<Authenticator>();
        services.AddHostedService(provider => provider.GetRequiredService<Authenticator>());
        services.AddSingleton<RefusalLog>();
        if (options.Tls.IsConfigured)
            services.AddSingleton(provider => new TlsFiles(options.Tls, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<TlsFiles>>()));
        services.AddSingleton<MatcherPolicy, ListenerPolicy>();
        services.AddHostedService<DrainOnStop>();
        services.AddSingleton<Rehearsal>();
        services.AddSingleton<WarmUp>();
        services.AddHostedService(provider => provider.GetRequiredService<WarmUp>());
        services.AddSingleton<Readiness>();
        services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = options.MaxMessageBytes);
        services.AddCors();
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks().AddCheck<Readiness>("gradients");
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
