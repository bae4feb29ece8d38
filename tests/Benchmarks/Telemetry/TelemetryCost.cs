using System.Globalization;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Remote;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Tensors;
using Gradients.Testing;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Telemetry;

/// <summary>
/// What telemetry costs a server: processor time of its process per 10-5-1 request (Backward with the loss, unary, over
/// loopback), with telemetry on over off. The two servers of a pair live at once and are called in short turns, so that what slows
/// the machine slows both. Every three pairs have new processes, started in alternating order, because two processes of the same
/// program differ by some percent for as long as they live. The figure is the median of the ratios of 15 pairs.
/// </summary>
internal static class TelemetryCost
{
    public const string Name = "telemetry";

    private const int Processes = 5;
    private const int PairsPerProcess = 3;
    private const int Turns = 20;
    private const int RequestsPerTurn = 100;
    private const int WarmUp = 10_000;

    /// <param name="wants">Whether the row of a name is wanted.</param>
    public static async Task RunAsync(Func<string, bool> wants)
    {
        await using var sink = await OtlpSink.StartAsync();
        var on = Exporting(sink);
        await RowAsync("defaults", on);
        await RowAsync("always_on", new Dictionary<string, string>(on) { ["OTEL_TRACES_SAMPLER"] = "always_on" });
        await RowAsync("off, twice", []);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The collector received {sink.Count("traces")} posts of traces and {sink.Count("metrics")} of metrics."));

        async Task RowAsync(string name, Dictionary<string, string> environment)
        {
            if (wants(name))
                Print(name, await CompareAsync(environment, Processes));
        }
    }

    /// <summary>Telemetry by its defaults over none.</summary>
    /// <param name="processes">Servers of each kind, one after the other.</param>
    public static async Task<TelemetryRatio> MeasureAsync(int processes)
    {
        await using var sink = await OtlpSink.StartAsync();
        return await CompareAsync(Exporting(sink), processes);
    }

    private static Dictionary<string, string> Exporting(OtlpSink sink) =>
        new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.Endpoint.ToString(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "10000" };

    private static void Print(string name, TelemetryRatio cost) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-12} on {cost.On:0.0} µs, off {cost.Off:0.0} µs of server CPU a request; median ratio {cost.Ratio:0.000} (quartiles {cost.LowerQuartile:0.000} to {cost.UpperQuartile:0.000})"));

    private static async Task<TelemetryRatio> CompareAsync(Dictionary<string, string> environment, int processes)
    {
        var pairs = processes * PairsPerProcess;
        var (ons, offs, ratios) = (new double[pairs], new double[pairs], new double[pairs]);
        for (var process = 0; process < processes; process++)
        {
            var isFirst = process % 2 == 0;
            var (first, second) = isFirst ? (ons, offs) : (offs, ons);
            await PairsAsync(isFirst ? environment : [], isFirst ? [] : environment, first.AsMemory(process * PairsPerProcess), second.AsMemory(process * PairsPerProcess));
        }

        for (var i = 0; i < pairs; i++)
            ratios[i] = ons[i] / offs[i];
        return new TelemetryRatio(Quantile(ons, 0.5), Quantile(offs, 0.5), Quantile(ratios, 0.5), Quantile(ratios, 0.25), Quantile(ratios, 0.75));
    }

    /// <summary>Microseconds a request of two servers, for each of three pairs.</summary>
    private static async Task PairsAsync(Dictionary<string, string> firstEnvironment, Dictionary<string, string> secondEnvironment, Memory<double> first, Memory<double> second)
    {
        using var one = await ServerProcess.StartAsync(firstEnvironment);
        using var other = await ServerProcess.StartAsync(secondEnvironment);
        using var oneCalls = await Calls.OpenAsync(one.Address);
        using var otherCalls = await Calls.OpenAsync(other.Address);
        await oneCalls.RunAsync(WarmUp);
        await otherCalls.RunAsync(WarmUp);
        for (var pair = 0; pair < PairsPerProcess; pair++)
        {
            var (oneBefore, otherBefore) = (one.ProcessorTime, other.ProcessorTime);
            for (var turn = 0; turn < Turns; turn++)
            {
                await oneCalls.RunAsync(RequestsPerTurn);
                await otherCalls.RunAsync(RequestsPerTurn);
            }

            first.Span[pair] = (one.ProcessorTime - oneBefore).TotalMicroseconds / (Turns * RequestsPerTurn);
            second.Span[pair] = (other.ProcessorTime - otherBefore).TotalMicroseconds / (Turns * RequestsPerTurn);
        }
    }

    private static double Quantile(double[] values, double part) => values.Order().ElementAt((int)Math.Round(part * (values.Length - 1)));

    /// <summary>A session with the network's parameters, and its backward request.</summary>
    private sealed class Calls : IDisposable
    {
        private readonly GrpcChannel _channel;
        private readonly V1.SessionService.SessionServiceClient _sessions;
        private readonly V1.BackwardRequest _request;

        private Calls(GrpcChannel channel, V1.SessionService.SessionServiceClient sessions, V1.BackwardRequest request) => (_channel, _sessions, _request) = (channel, sessions, request);

        public static async Task<Calls> OpenAsync(Uri address)
        {
            var channel = GrpcChannel.ForAddress(address);
            var sessions = new V1.SessionService.SessionServiceClient(channel);
            using var pool = new BufferPool();
            using var network = Networks.Regression(pool, 1);
            return new Calls(channel, sessions, await RemoteNetwork.OpenAsync(sessions, network));
        }

        public async Task RunAsync(int count)
        {
            for (var i = 0; i < count; i++)
                await _sessions.BackwardAsync(_request);
        }

        public void Dispose() => _channel.Dispose();
    }
}
