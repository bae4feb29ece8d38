using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Server.Services;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Gradients.Server.Telemetry;

/// <summary>What leaves the process: by OTLP where the standard variables say, and to Prometheus. Without either nothing is recorded.</summary>
internal static class OpenTelemetrySetup
{
    /// <summary>The framework's own source of one span for each request.</summary>
    public const string FrameworkSource = "Microsoft.AspNetCore";

    private static readonly string[] FrameworkMeters = ["Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">A variable names a sampler that does not exist.</exception>
    public static void AddGradientsTelemetry(this WebApplicationBuilder builder, TelemetryOptions options)
    {
        builder.Services.AddSingleton<DistributedContextPropagator, TraceContextOnly>();
        builder.Services.AddSingleton<RequestMetrics>();
        var configuration = builder.Configuration;
        if (string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase))
            return;

        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(Describe);
        var traces = new SignalSettings(configuration, "TRACES");
        if (traces.IsExported)
        {
            // Checked before the server is built; a sampler of the process's clock is as good as one of a test's.
            var sampler = Sampling.Create(configuration, options, TimeProvider.System);
            telemetry.WithTracing(t => t.SetSampler(sampler).AddSource(GradientsActivities.SourceName, FrameworkSource).AddOtlpExporter(traces.Apply));
        }

        var metrics = new SignalSettings(configuration, "METRICS");
        if (metrics.IsExported || options.Prometheus == true)
        {
            telemetry.WithMetrics(m =>
            {
                m.AddMeter(GradientsActivities.SourceName).AddMeter(FrameworkMeters);
                if (metrics.IsExported)
                    m.AddOtlpExporter(metrics.Apply);
                if (options.Prometheus == true)
                    m.AddPrometheusExporter();
            });
        }

        var logs = new SignalSettings(configuration, "LOGS");
        if (logs.IsExported)
        {
            telemetry.WithLogging(l => l.AddOtlpExporter(logs.Apply), o => o.IncludeFormattedMessage = true);
            AddLevel(builder, "Default", LogLevel.Warning);
            AddLevel(builder, "Gradients", LogLevel.Information);
        }
    }

    /// <summary>Serves the metrics to Prometheus as <c>GET /metrics</c>. Meant for the management listener only.</summary>
    public static IEndpointConventionBuilder MapGradientsMetrics(this IEndpointRouteBuilder endpoints) => endpoints.MapPrometheusScrapingEndpoint("/metrics");

    /// <summary>OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over these.</summary>
    private static void Describe(ResourceBuilder resource) =>
        resource.Clear().AddService("gradients", serviceVersion: ServerService.Version).AddTelemetrySdk().AddEnvironmentVariableDetector();

    /// <summary>Exported logs have their own level, whatever the console shows; configuration of the provider wins.</summary>
    private static void AddLevel(WebApplicationBuilder builder, string category, LogLevel level)
    {
        if (builder.Configuration[$"Logging:OpenTelemetry:LogLevel:{category}"] is null)
            builder.Logging.AddFilter<OpenTelemetryLoggerProvider>(category == "Default" ? null : category, level);
    }
}
