using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Gradients.Server.Telemetry;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;

namespace Gradients.Server.Tests.Threats;

/// <summary>The table of threats: what strangers send along with a call. Escaping of log text is in <see cref="TelemetryTests"/>.</summary>
public sealed class TraceThreats
{
    private const string Marker = "stranger-5f0c";

    [Fact]
    public async Task Baggage_is_dropped()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var server = await TestServer.StartAsync();
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest(), new Metadata { { "traceparent", $"00-{trace}-b7ad6b7169203331-01" }, { "baggage", $"a={Marker}" } });
        await Eventually.HoldsAsync(() => spans.Any(s => s.TraceId.ToHexString() == trace));
        Assert.All(spans.Where(s => s.TraceId.ToHexString() == trace), s => Assert.DoesNotContain(s.Baggage, b => b.Value == Marker));
    }

    /// <summary>Ids, labels and method names of clients never become values of a metric's attributes.</summary>
    [Fact]
    public async Task No_text_of_a_client_is_a_metric_label()
    {
        var labels = new ConcurrentBag<string>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => self.EnableMeasurementEvents(instrument) };
        void Record<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
        {
            foreach (var (_, label) in tags)
                labels.Add(label?.ToString() ?? "");
        }

        listener.SetMeasurementEventCallback<double>(Record);
        listener.SetMeasurementEventCallback<long>(Record);
        listener.SetMeasurementEventCallback<int>(Record);
        listener.Start();
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        await server.Sessions.CreateSessionAsync(new V1.CreateSessionRequest { Label = Marker });
        await Assert.ThrowsAsync<RpcException>(async () => await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = Marker }));
        await Assert.ThrowsAsync<RpcException>(() => RawCalls.UnaryAsync(server, Marker, Marker, []));
        listener.RecordObservableInstruments();
        Assert.NotEmpty(labels);
        Assert.DoesNotContain(labels, l => l.Contains(Marker, StringComparison.Ordinal) || l.Contains(session, StringComparison.Ordinal));
    }

    [Fact]
    public void A_log_line_stays_one_line() => Assert.Equal("a\\u000d\\u000aAdmin logged in", LogText.Escape("a\r\nAdmin logged in"));
}
