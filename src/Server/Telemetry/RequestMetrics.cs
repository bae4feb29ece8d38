using System.Collections.Frozen;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Kernels;
using Gradients.Server.Graphs;
using Gradients.Server.Hosting;
using Gradients.Server.Services;
using Gradients.Server.Sessions;
using Grpc.Core;

namespace Gradients.Server.Telemetry;

/// <summary>The server's instruments. Labels are names of the contract and of this code, never text of a client.</summary>
internal sealed class RequestMetrics
{
    private static readonly FrozenSet<string> Reasons = typeof(ErrorReasons).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetValue(null)!).ToFrozenSet();

    private readonly Histogram<double> _duration;
    private readonly Counter<long> _refusals;

    public RequestMetrics(IMeterFactory meters, SessionRegistry sessions, GraphStore graphs, ConnectionMemory connections, Drain drain)
    {
        var meter = meters.Create(GradientsActivities.SourceName);
        _duration = meter.CreateHistogram<double>("rpc.server.call.duration", "s", "Duration of rpcs.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = RpcConventions.DurationBuckets });
        _refusals = meter.CreateCounter<long>("gradients.refusals", "{request}", "Requests and commands that were answered with an error.");
        meter.CreateObservableUpDownCounter("gradients.sessions", () => sessions.Totals().Sessions, "{session}", "Sessions that live.");
        meter.CreateObservableUpDownCounter("gradients.session.runs", () => sessions.Totals().Runs, "{run}", "Runs that sessions keep.");
        meter.CreateObservableUpDownCounter("gradients.session.nodes", () => sessions.Totals().Nodes, "{node}", "Nodes that sessions define.");
        meter.CreateObservableUpDownCounter("gradients.graph.stored", () => graphs.Count, "{graph}", "Graphs that are stored.");
        meter.CreateObservableUpDownCounter("gradients.graph.bytes", () => graphs.Bytes, "By", "Memory of the stored graphs.");
        meter.CreateObservableUpDownCounter("gradients.streams", () => Streams.Count, "{stream}", "Two-way streams that are open.");
        meter.CreateObservableUpDownCounter("gradients.uploads", () => Uploads.Count, "{upload}", "Uploads in flight.");
        meter.CreateObservableUpDownCounter("gradients.connection.buffers", () => connections.RentedBytes, "By", "Memory of connections' buffers in use.");
        meter.CreateObservableGauge("gradients.draining", () => drain.IsDraining ? 1 : 0, null, "1 while the server drains, else 0.");
        meter.CreateObservableGauge("gradients.build.info", () => new Measurement<int>(1, new("version", ServerService.Version), new("isa", IsaLevel.Name)), null, "1, with what runs as labels.");
    }

    /// <summary>Two-way streams.</summary>
    public OpenCalls Streams { get; } = new();

    public OpenCalls Uploads { get; } = new();

    /// <param name="method">A method that is bound, never a name that a client made up.</param>
    public void Called(string method, StatusCode code, TimeSpan duration)
    {
        if (!_duration.Enabled)
            return;
        var tags = new TagList
        {
            { RpcConventions.System, RpcConventions.Grpc },
            { RpcConventions.Method, method },
            { RpcConventions.StatusCode, RpcConventions.Text(code) },
        };
        if (RpcConventions.IsError(code))
            tags.Add(RpcConventions.ErrorType, RpcConventions.Text(code));
        _duration.Record(duration.TotalSeconds, tags);
    }

    public void Refused(string reason) => _refusals.Add(1, new KeyValuePair<string, object?>("reason", Reasons.Contains(reason) ? reason : "_OTHER"));
}
