using System.Diagnostics;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;

namespace Gradients.Server.Tests;

/// <summary>A server that is told by the standard variables alone where spans, metrics and logs go.</summary>
[Collection(nameof(Observed))]
public sealed class OtlpTests
{
    [Fact]
    public async Task Traces_metrics_and_logs_arrive_at_a_collector()
    {
        await using var sink = await OtlpSink.StartAsync();
        await using (var server = await StartAsync(sink, "--OTEL_SERVICE_NAME=trainer", "--OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test"))
        {
            var session = await server.OpenAsync();
            await DefineAsync(server, session);
            var reply = await server.Sessions.BackwardAsync(Backward(session));
            await Eventually.HoldsAsync(() => sink.Contains("traces", Convert.FromHexString(reply.TraceId)) && sink.Contains("traces", "gradients.backward"));
            await Eventually.HoldsAsync(() => sink.Contains("metrics", "rpc.server.call.duration") && sink.Contains("logs", "listens on"));
        }

        foreach (var text in new[] { "gradients.v1.SessionService/Backward", "rpc.response.status_code", "gradients.request", "trainer", "deployment.environment.name" })
            Assert.True(sink.Contains("traces", text), text);
        foreach (var text in new[] { "gradients.flops", "gradients.pool.rented", "kestrel.active_connections", "dotnet.gc.collections", "rpc.server.call.duration", "trainer" })
            Assert.True(sink.Contains("metrics", text), text);
        Assert.True(sink.Contains("logs", "Draining"));
    }

    [Fact]
    public async Task A_signal_with_an_endpoint_of_its_own_is_the_only_one_sent()
    {
        await using var sink = await OtlpSink.StartAsync();
        await using (var server = await TestServer.StartAsync(args: ["--OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", $"--OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={sink.Endpoint}v1/traces"]))
            await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
        Assert.True(sink.Contains("traces", "gradients.v1.ServerService/GetServerInfo"));
        Assert.Equal((0, 0), (sink.Count("metrics"), sink.Count("logs")));
    }

    [Fact]
    public async Task Nothing_is_sent_when_the_sdk_is_disabled()
    {
        await using var sink = await OtlpSink.StartAsync();
        await using (var server = await StartAsync(sink, "--OTEL_SDK_DISABLED=true"))
            await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
        Assert.Equal((0, 0, 0), (sink.Count("traces"), sink.Count("metrics"), sink.Count("logs")));
    }

    [Theory]
    [InlineData("always_on", false, "00", true)]
    [InlineData("always_off", false, "01", false)]
    [InlineData("always_off", true, "01", true)]
    [InlineData("always_on", true, "00", false)]
    [InlineData("parentbased_always_off", false, "01", false)]
    [InlineData("traceidratio", false, "01", false)]
    public async Task Callers_decide_what_is_recorded_only_when_they_are_trusted(string sampler, bool trusted, string flags, bool recorded)
    {
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        await using var sink = await OtlpSink.StartAsync();
        await using (var server = await StartAsync(sink, $"--OTEL_TRACES_SAMPLER={sampler}", "--OTEL_TRACES_SAMPLER_ARG=0", $"--Gradients:Telemetry:TrustIncomingSampling={trusted}"))
        {
            var session = await server.OpenAsync();
            await DefineAsync(server, session);
            var reply = await server.Sessions.BackwardAsync(Backward(session), new Metadata { { "traceparent", $"00-{trace}-b7ad6b7169203331-{flags}" } });
            Assert.Equal(trace, reply.TraceId);
        }

        Assert.Equal(recorded, sink.Contains("traces", Convert.FromHexString(trace)));
    }

    [Theory]
    [InlineData("--OTEL_TRACES_SAMPLER=jaeger_remote")]
    [InlineData("--OTEL_TRACES_SAMPLER=traceidratio", "--OTEL_TRACES_SAMPLER_ARG=2")]
    public async Task A_sampler_that_does_not_exist_keeps_the_server_from_starting(params string[] args)
    {
        await using var sink = await OtlpSink.StartAsync();
        await Assert.ThrowsAsync<System.ComponentModel.DataAnnotations.ValidationException>(() => StartAsync(sink, args));
    }

    private static Task<TestServer> StartAsync(OtlpSink sink, params string[] args) => TestServer.StartAsync(args:
    [
        $"--OTEL_EXPORTER_OTLP_ENDPOINT={sink.Endpoint}",
        "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "--OTEL_BSP_SCHEDULE_DELAY=50",
        "--OTEL_METRIC_EXPORT_INTERVAL=200",
        "--OTEL_BLRP_SCHEDULE_DELAY=50",
        .. args,
    ]);
}
