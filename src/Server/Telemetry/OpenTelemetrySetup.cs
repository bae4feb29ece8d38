using System.Diagnostics;
using Gradients.Engine.Execution;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Gradients.Server.Telemetry;

internal static class OpenTelemetrySetup
{
    /// <summary>
    /// Spans and metrics, sent by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT says; without it nobody listens and nothing is
    /// recorded. Strangers do not decide what is sampled.
    /// </summary>
    public static void AddGradientsTelemetry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<DistributedContextPropagator, TraceContextOnly>();
        builder.Services.AddSingleton<RequestMetrics>();
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            return;
        builder.Services.AddOpenTelemetry()
            .WithTracing(t => t.SetSampler(new AlwaysOnSampler()).AddSource(RequestActivities.SourceName, EngineActivities.SourceName).AddAspNetCoreInstrumentation().AddOtlpExporter())
            .WithMetrics(m => m.AddMeter(RequestMetrics.MeterName).AddAspNetCoreInstrumentation().AddOtlpExporter());
    }
}
