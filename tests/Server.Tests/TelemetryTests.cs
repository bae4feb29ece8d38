using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Rpc;
using Gradients.Engine.Execution;
using Gradients.Server.Telemetry;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

[Collection(nameof(Observed))]
public sealed class TelemetryTests
{
    [Fact]
    public async Task A_backward_is_one_trace_from_the_caller_to_the_engine()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == GradientsActivities.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        var reply = await server.Sessions.BackwardAsync(Backward(session), new Metadata { { "traceparent", $"00-{trace}-b7ad6b7169203331-00" }, { "baggage", "a=b" } });
        Assert.Equal(trace, reply.TraceId);
        await Eventually.HoldsAsync(() => spans.Any(s => s.OperationName == RequestActivity.Name && s.TraceId.ToHexString() == trace));
        var own = spans.Where(s => s.TraceId.ToHexString() == trace).ToList();
        var request = Assert.Single(own, s => s.OperationName == RequestActivity.Name);
        Assert.Equal("b7ad6b7169203331", request.ParentSpanId.ToHexString());
        Assert.Equal(session, request.GetTagItem("gradients.session.id"));
        Assert.Empty(request.Baggage);
        foreach (var name in new[] { GradientsActivities.Queue, GradientsActivities.Plan, GradientsActivities.Backward })
            Assert.Equal(request.SpanId, Assert.Single(own, s => s.OperationName == name).ParentSpanId);
    }

    [Fact]
    public async Task A_failure_marks_its_span_with_the_reason()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == GradientsActivities.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var server = await TestServer.StartAsync();
        var status = await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", async () => await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = "sessions/x" }));
        var trace = status.GetDetail<ErrorInfo>().Metadata["trace_id"];
        await Eventually.HoldsAsync(() => spans.Any(s => s.TraceId.ToHexString() == trace));
        Assert.Equal("SESSION_NOT_FOUND", spans.Single(s => s.TraceId.ToHexString() == trace).GetTagItem("gradients.error.reason"));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a\r\nb", "a\\u000d\\u000ab")]
    [InlineData("\u2028\u202e", "\\u2028\\u202e")]
    public void Text_of_clients_is_one_line_in_logs(string text, string expected) => Assert.Equal(expected, LogText.Escape(text));
}
