using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using Gradients.Client;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>docs/telemetry.md says all that is emitted and nothing that is not.</summary>
[Collection(nameof(Alone))]
public sealed class TelemetryDocumentTests : IDisposable
{
    private readonly TelemetryDocument _document = TelemetryDocument.Load();
    private readonly ConcurrentBag<Activity> _spans = [];
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, bool>> _labels = new();
    private readonly ConcurrentDictionary<string, Instrument> _instruments = new();
    private readonly ActivityListener _spanListener;
    private readonly MeterListener _meterListener;

    public TelemetryDocumentTests()
    {
        _spanListener = new ActivityListener
        {
            ShouldListenTo = s => s.Name is "Gradients" or "Gradients.Client" or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Add,
        };
        _meterListener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name != "Gradients")
                    return;
                _instruments[instrument.Name] = instrument;
                listener.EnableMeasurementEvents(instrument);
            },
        };
        _meterListener.SetMeasurementEventCallback<int>(Measured);
        _meterListener.SetMeasurementEventCallback<long>(Measured);
        _meterListener.SetMeasurementEventCallback<double>(Measured);
    }

    [Fact]
    public async Task Spans_and_metrics_are_those_of_the_document()
    {
        ActivitySource.AddActivityListener(_spanListener);
        _meterListener.Start();
        await EverythingAsync();

        var spans = _spans.GroupBy(NameOf).ToDictionary(g => g.Key, g => g.SelectMany(s => s.TagObjects).Select(t => t.Key).Distinct().Order(StringComparer.Ordinal).ToArray());
        var described = _document.Rows("span").ToDictionary(r => TelemetryDocument.Names(r[0]).Single(), r => TelemetryDocument.Names(r[2]).Order(StringComparer.Ordinal).ToArray());
        Assert.Equal(described.Keys.Order(StringComparer.Ordinal), spans.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, attributes) in described)
            Assert.True(attributes.SequenceEqual(spans[name]), $"{name}: documented {string.Join(", ", attributes)}; emitted {string.Join(", ", spans[name])}");
        var types = _spans.SelectMany(s => s.TagObjects).GroupBy(t => t.Key).Select(g => (g.Key, Assert.Single(g.Select(t => TypeOf(t.Value)).Distinct())));
        Assert.Equal(_document.Rows("attribute").Select(r => (TelemetryDocument.Names(r[0]).Single(), r[1])).Order(), types.Order());

        var metrics = _instruments.Values.Select(i => (i.Name, TypeOf(i), i.Unit ?? "", string.Join(", ", (_labels.GetValueOrDefault(i.Name)?.Keys ?? []).Order(StringComparer.Ordinal)))).Order();
        var rows = _document.Rows("metric").Select(r => (TelemetryDocument.Names(r[0]).Single(), r[1], TelemetryDocument.Names(r[2]).SingleOrDefault() ?? "", string.Join(", ", TelemetryDocument.Names(r[3]).Order(StringComparer.Ordinal)))).Order();
        Assert.Equal(rows, metrics);
    }

    [Fact]
    public void Log_events_are_those_of_the_document()
    {
        var messages = typeof(GradientsServer).Assembly.GetType("Gradients.Server.Telemetry.ServerLog", throwOnError: true)!
            .GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(m => m.GetCustomAttribute<LoggerMessageAttribute>()!)
            .Select(a => (a.EventId.ToString(System.Globalization.CultureInfo.InvariantCulture), a.Level.ToString(), a.Message));
        Assert.Equal(_document.Rows("id").Select(r => (r[0], r[1], r[2])).Order(), messages.Order());
    }

    public void Dispose()
    {
        _spanListener.Dispose();
        _meterListener.Dispose();
    }

    private static string NameOf(Activity span) => span.Source.Name == "Gradients.Client" ? span.Source.Name : span.OperationName;

    private static string TypeOf(object? value) => value switch
    {
        string => "string",
        bool => "boolean",
        int or long => "int",
        double => "double",
        _ => $"{value?.GetType()}",
    };

    private static string TypeOf(Instrument instrument)
    {
        var name = instrument.GetType().Name;
        return name[..name.IndexOf('`')].Replace("Observable", "", StringComparison.Ordinal).ToLowerInvariant();
    }

    private void Measured<T>(Instrument instrument, T measurement, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var labels = _labels.GetOrAdd(instrument.Name, _ => new());
        foreach (var (key, _) in tags)
            labels[key] = true;
    }

    /// <summary>Whatever has a span, an attribute, a metric or a label of its own.</summary>
    private async Task EverythingAsync()
    {
        await using var server = await ProofServer.StartAsync();
        await using (var client = server.ConnectClient())
        {
            await using var session = await client.CreateSessionAsync();
            var x = session.Input<float>("x", 2);
            var w = session.Variable("w", [1f, 2f], 2);
            var loss = (x * w).Sum();
            await session.BackwardAsync(loss, [w], new Feeds { [x] = new float[2] }, GradientMode.Accumulate, [loss], new RequestOptions { Profile = true });
            await session.ApplyGradientsAsync(new Sgd());
            session.RegisterCustom("same", c => [c.Input(0)], _ => throw new InvalidOperationException("no gradient"));
            await Assert.ThrowsAnyAsync<GradientsClientException>(() => session.BackwardAsync(session.Custom("same", [w])[0].Sum()));
            await Assert.ThrowsAnyAsync<GradientsClientException>(() => session.BackwardAsync(loss, [w]));
        }

        var name = await server.OpenAsync(Variable(1));
        var set = new V1.SetVariablesRequest { Session = name, RequestId = new V1.RequestId { ClientId = Google.Protobuf.ByteString.CopyFrom(new byte[16]), Number = 1 }, Updates = { new V1.VariableUpdate { Variable = 1, Tensor = Scalar(3) } } };
        await server.Sessions.SetVariablesAsync(set);
        await server.Sessions.SetVariablesAsync(set);
        var unknown = new Method<string, string>(MethodType.Unary, "s", "m", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        await Assert.ThrowsAsync<RpcException>(() => server.Main.Channel.CreateCallInvoker().AsyncUnaryCall(unknown, null, default, "").ResponseAsync);
        await Eventually.HoldsAsync(() => _spans.Any(s => s.GetTagItem("rpc.method") is "_OTHER") && _spans.Any(s => s.GetTagItem("gradients.replayed") is true));
        _meterListener.RecordObservableInstruments();
    }
}
