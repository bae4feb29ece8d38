using System.Collections.Concurrent;
using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Server.Telemetry;
using Gradients.Testing;
using Grpc.Core;
using OpenTelemetry;
using OpenTelemetry.Trace;
using static Gradients.Server.Tests.Graphs;

namespace Gradients.Server.Tests;

/// <summary>What the framework's span of an rpc says, and that spans which nobody records cost nothing.</summary>
[Collection(nameof(Observed))]
public sealed class SpanTests : IDisposable
{
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly ActivityListener _listener;

    public SpanTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name is GradientsActivities.SourceName or OpenTelemetrySetup.FrameworkSource,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Enqueue,
        };
    }

    [Fact]
    public async Task A_call_has_the_attributes_of_the_convention_and_no_others()
    {
        ActivitySource.AddActivityListener(_listener);
        await using var server = await TestServer.StartAsync();
        await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
        var span = await SpanAsync("gradients.v1.ServerService/GetServerInfo");
        Assert.Equal(ActivityKind.Server, span.Kind);
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Assert.Equal(
            [
                ("network.peer.address", "127.0.0.1"),
                ("rpc.method", "gradients.v1.ServerService/GetServerInfo"),
                ("rpc.response.status_code", "OK"),
                ("rpc.system.name", "grpc"),
                ("server.address", "127.0.0.1"),
                ("server.port", server.Address.Port.ToString()),
            ],
            span.TagObjects.Select(t => (t.Key, t.Value!.ToString()!)).Order());
    }

    [Fact]
    public async Task A_method_that_does_not_exist_is_other()
    {
        ActivitySource.AddActivityListener(_listener);
        await using var server = await TestServer.StartAsync();
        var method = new Method<string, string>(MethodType.Unary, "evil", "name", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        await Assert.ThrowsAsync<RpcException>(() => server.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, "").ResponseAsync);
        var span = await SpanAsync("grpc");
        Assert.Equal("_OTHER", span.GetTagItem("rpc.method"));
        Assert.Equal("UNIMPLEMENTED", span.GetTagItem("error.type"));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.DoesNotContain(span.TagObjects, t => t.Value is string text && text.Contains("evil", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_refusal_is_no_error_of_the_server()
    {
        ActivitySource.AddActivityListener(_listener);
        await using var server = await TestServer.StartAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = "sessions/x" }));
        var span = await SpanAsync("gradients.v1.SessionService/GetSession");
        Assert.Equal("NOT_FOUND", span.GetTagItem("rpc.response.status_code"));
        Assert.Null(span.GetTagItem("error.type"));
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Single_ops_have_spans_when_a_profile_is_asked_for(bool profile)
    {
        ActivitySource.AddActivityListener(_listener);
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var request = Backward(session);
        request.Profile = profile;
        request.Fetches.Add(new V1.Fetch { Value = 4 });
        var reply = await server.Sessions.BackwardAsync(request);
        await Eventually.HoldsAsync(() => _spans.Any(s => s.TraceId.ToHexString() == reply.TraceId && s.OperationName == RequestActivity.Name));
        var own = _spans.Where(s => s.TraceId.ToHexString() == reply.TraceId).ToList();
        var ops = own.Where(s => s.OperationName == GradientsActivities.Op).ToList();
        Assert.Equal(profile ? reply.Profile.Instructions.Count : 0, ops.Count);
        foreach (var op in ops)
            Assert.Contains(own, s => s.SpanId == op.ParentSpanId && s.OperationName is GradientsActivities.Forward or GradientsActivities.Backward);
    }

    [Fact]
    public void Unrecorded_requests_allocate_no_span()
    {
        using var provider = Sdk.CreateTracerProviderBuilder().SetSampler(new Sampling(new RateSampler(0, TimeProvider.System), false)).AddSource(GradientsActivities.SourceName).Build();
        Assert.True(GradientsActivities.Source.HasListeners());
        var parent = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.None);
        for (var i = 0; i < 1000; i++)
            Request(parent);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Request(parent);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void So_many_traces_a_second_are_recorded_and_no_more()
    {
        var time = new ManualTime();
        var sampler = new RateSampler(10, time);
        int Taken() => Enumerable.Range(0, 100).Count(_ => sampler.ShouldSample(default).Decision == SamplingDecision.RecordAndSample);
        Assert.Equal(10, Taken());
        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(5, Taken());
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(10, Taken());
    }

    public void Dispose() => _listener.Dispose();

    private static void Request(in ActivityContext parent)
    {
        using var request = RequestActivity.Start("Backward", parent);
        request.SetSession("sessions/x");
        GradientsActivities.Record(GradientsActivities.Queue, request.Context, 0, 1);
    }

    private async Task<Activity> SpanAsync(string name)
    {
        Activity? found = null;
        await Eventually.HoldsAsync(() => (found = _spans.FirstOrDefault(s => s.DisplayName == name)) is not null, () => string.Join(", ", _spans.Select(s => s.DisplayName)));
        return found!;
    }
}
