namespace Gradients.Benchmarks.Telemetry;

/// <summary>Medians of server processor time a request in microseconds, and of the ratios of pairs.</summary>
internal sealed record TelemetryRatio(double On, double Off, double Ratio, double LowerQuartile, double UpperQuartile);
