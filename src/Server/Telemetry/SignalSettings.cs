using System.Globalization;
using OpenTelemetry.Exporter;

namespace Gradients.Server.Telemetry;

/// <summary>
/// Where one signal goes: the exporter reads the variables that are common to all signals, this reads those of the signal's
/// own, <c>OTEL_EXPORTER_OTLP_TRACES_ENDPOINT</c> and its like, which win.
/// </summary>
internal sealed class SignalSettings(IConfiguration configuration, string signal)
{
    /// <summary>Some variable names where to, and none switches the exporter off.</summary>
    public bool IsExported =>
        (!string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]) || Own("ENDPOINT") is not null)
        && configuration[$"OTEL_{signal}_EXPORTER"] is null or "" or "otlp";

    public void Apply(OtlpExporterOptions exporter)
    {
        if (Own("PROTOCOL") is { } protocol)
            exporter.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        if (Own("ENDPOINT") is { } endpoint && Uri.TryCreate(endpoint, UriKind.Absolute, out var uri))
            exporter.Endpoint = uri;
        if (Own("HEADERS") is { } headers)
            exporter.Headers = headers;
        if (Own("TIMEOUT") is { } timeout && int.TryParse(timeout, CultureInfo.InvariantCulture, out var milliseconds))
            exporter.TimeoutMilliseconds = milliseconds;
    }

    private string? Own(string setting) => configuration[$"OTEL_EXPORTER_OTLP_{signal}_{setting}"] is { Length: > 0 } value ? value : null;
}
