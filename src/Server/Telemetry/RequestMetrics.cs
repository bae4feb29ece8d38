using System.Diagnostics.Metrics;
using Gradients.Engine.Execution;
using Grpc.Core;

namespace Gradients.Server.Telemetry;

/// <summary>What the framework does not measure: the duration of each rpc by its status, and tensor memory in use.</summary>
internal sealed class RequestMetrics : IDisposable
{
    public const string MeterName = "Gradients.Server";

    private readonly Meter _meter;
    private readonly Histogram<double> _duration;

    public RequestMetrics(IMeterFactory meters, EngineHost host)
    {
        _meter = meters.Create(MeterName);
        _duration = _meter.CreateHistogram<double>("rpc.server.duration", "s", "Duration of rpcs.");
        _meter.CreateObservableGauge("gradients.memory.rented", () => host.Pool.RentedBytes, "By", "Bytes of tensor memory in use.");
        _meter.CreateObservableGauge("gradients.memory.held", () => host.Pool.HeldBytes, "By", "Bytes of tensor memory, kept for reuse included.");
    }

    /// <param name="method">A method that is bound, never a name that a client made up.</param>
    public void Record(string method, StatusCode code, TimeSpan duration) => _duration.Record(
        duration.TotalSeconds,
        new KeyValuePair<string, object?>("rpc.method", method),
        new KeyValuePair<string, object?>("rpc.grpc.status_code", (int)code));

    public void Dispose() => _meter.Dispose();
}
