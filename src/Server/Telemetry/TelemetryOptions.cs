using System.ComponentModel.DataAnnotations;

namespace Gradients.Server.Telemetry;

public enum LogFormat
{
    /// <summary>One line of text for each message.</summary>
    Text,

    /// <summary>One JSON object for each message, with the trace and span id.</summary>
    Json,
}

/// <summary>
/// Settings of spans, metrics and logs: section <c>Gradients:Telemetry</c>. Where they go is said by the standard
/// OTEL_* variables.
/// </summary>
public sealed class TelemetryOptions
{
    /// <summary>Metrics can be collected by Prometheus. The default value is null: where there is a management listener.</summary>
    public bool? Prometheus { get; set; }

    /// <summary>The most traces that are recorded in a second, where OTEL_TRACES_SAMPLER names no sampler. The default value is 10.</summary>
    [Range(0.0, 1e6)]
    public double TracesPerSecond { get; set; } = 10;

    /// <summary>Callers decide whether their traces are recorded. The default value is false: only their trace ids are used.</summary>
    public bool TrustIncomingSampling { get; set; }

    /// <summary>One span for each op of every recorded request. The default value is false: of those that ask for a profile.</summary>
    public bool NodeSpans { get; set; }

    /// <summary>How the server's process writes its log. The default value is text.</summary>
    public LogFormat LogFormat { get; set; }
}
