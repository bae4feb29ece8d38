using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gradients.Benchmarks;

/// <summary>One result. What was not measured, or has no limit, is null.</summary>
/// <param name="Ours">The median, in <paramref name="Unit"/>.</param>
internal sealed record Row(string Suite, string Name, int Threads, string Unit, double? Ours)
{
    /// <summary>A tenth of the samples is lower.</summary>
    public double? P10 { get; init; }

    /// <summary>A tenth of the samples is higher.</summary>
    public double? P90 { get; init; }

    /// <summary>libtorch's median.</summary>
    public double? Libtorch { get; init; }

    /// <summary>OpenBLAS's median.</summary>
    public double? OpenBlas { get; init; }

    /// <summary>Our time over libtorch's.</summary>
    public double? LibtorchRatio => Ours / Libtorch;

    /// <summary>Our time over OpenBLAS's.</summary>
    public double? OpenBlasRatio => Ours / OpenBlas;

    /// <summary>The part of the machine's limit that is reached, 0 to 1; above when caches hold what the limit moves.</summary>
    public double? LimitFraction { get; init; }

    /// <summary>Managed bytes a step, of all threads.</summary>
    public double? AllocatedBytes { get; init; }

    /// <summary>Medians of others than those two, by name.</summary>
    public IReadOnlyDictionary<string, double?> Beside { get; init; } = new Dictionary<string, double?>();

    public string? Note { get; init; }

    /// <summary>Whether --check lets it allocate managed memory.</summary>
    [JsonIgnore]
    public bool MayAllocate { get; init; }

    public static async Task WriteAsync(FileInfo file, IReadOnlyList<Row> rows)
    {
        await using var stream = file.Create();
        await JsonSerializer.SerializeAsync(stream, rows, RowContext.Default.IReadOnlyListRow);
        stream.WriteByte((byte)'\n');
    }

    public static async Task<IReadOnlyList<Row>> ReadAsync(FileInfo file)
    {
        await using var stream = file.OpenRead();
        return await JsonSerializer.DeserializeAsync(stream, RowContext.Default.IReadOnlyListRow) ?? [];
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<Row>))]
internal sealed partial class RowContext : JsonSerializerContext;
