using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gradients.Benchmarks;

/// <summary>One result in the form that is compared and kept. What has no peer or no limit is null there.</summary>
/// <param name="Ours">Our time, in <paramref name="Unit"/>.</param>
/// <param name="Peer">The peer's time, in <paramref name="Unit"/>.</param>
/// <param name="Ratio">Our time / the peer's time.</param>
/// <param name="LimitFraction">The part of the machine's limit that is reached, 0 to 1.</param>
/// <param name="AllocatedBytes">Managed bytes a step; null where they were not counted.</param>
internal sealed record Row(string Suite, string Name, int Threads, double Ours, double? Peer, string? PeerName, string Unit, double? Ratio, double? LimitFraction, double? AllocatedBytes)
{
    public static Row Of(string suite, Measurement measurement, string? peer) =>
        new(suite, measurement.Name, measurement.Threads, measurement.Cost.Median, measurement.Peer, measurement.Peer is null ? null : peer, "us", measurement.Ratio, measurement.PeakFraction, measurement.Cost.AllocatedBytes);

    public static async Task WriteAsync(FileInfo file, IReadOnlyList<Row> rows)
    {
        await using var stream = file.Create();
        await JsonSerializer.SerializeAsync(stream, rows, RowContext.Default.IReadOnlyListRow);
        stream.WriteByte((byte)'\n');
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<Row>))]
internal sealed partial class RowContext : JsonSerializerContext;
