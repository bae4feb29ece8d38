using System.Net;
using Gradients.Client;
using Gradients.Testing;

namespace Gradients.Container.Tests;

/// <summary>What the container sends by OTLP. The collector is a stand-in in this process, which the container reaches by the engine's gateway.</summary>
public sealed class TelemetryTests(ServerImage image)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Traces_metrics_and_logs_arrive_at_a_collector()
    {
        await using var collector = await OtlpSink.StartAsync(IPAddress.Any);
        var settings = new ServerContainer.Settings
        {
            Environment = new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://host.docker.internal:{collector.Port}",
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_TRACES_SAMPLER"] = "always_on",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
                ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
                ["Logging__LogLevel__Default"] = "Information",
            },
        };
        await using var server = await ServerContainer.StartAsync(image, settings, Cancellation);
        await using var client = server.OpenClient();
        var graph = new Graph();
        var x = graph.Variable("x", 3.0);
        var result = await client.EvaluateAsync(graph, roots: [new Root(x * x)], wrt: [x], cancellationToken: Cancellation);

        var trace = Convert.FromHexString(result.TraceId);
        await Eventually.HoldsAsync(() => collector.Contains("traces", trace), () => "The trace does not arrive.");
        await Eventually.HoldsAsync(() => collector.Contains("metrics", "rpc.server.call.duration"), () => "No metrics arrive.");
        await Eventually.HoldsAsync(() => collector.Count("logs") > 0, () => "No logs arrive.");
    }
}
