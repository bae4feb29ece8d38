using System.Globalization;
using System.Runtime.InteropServices;
using Gradients.Benchmarks.Products;
using Gradients.Engine.Kernels;

namespace Gradients.Benchmarks;

/// <summary>What the figures were measured on and beside.</summary>
internal static class Header
{
    public static (string Name, string Value)[] Of(string peer) =>
    [
        ("CPU", $"{CpuModel()}, {Environment.ProcessorCount} cores"),
        ("ISA", IsaLevel.Name),
        ("libtorch", peer),
        ("OpenBLAS", OpenBlas.Version ?? "not loaded: no libopenblas.so.0"),
        ("Runtime", $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}"),
        ("Date", string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC")),
    ];

    /// <summary>Its name and, as names are shared by generations that differ twofold, family and model.</summary>
    private static string CpuModel()
    {
        const string Source = "/proc/cpuinfo";
        string[] lines = File.Exists(Source) ? [.. File.ReadLines(Source).TakeWhile(l => l.Length > 0)] : [];
        return Field("model name") is not { } name ? RuntimeInformation.ProcessArchitecture.ToString()
            : Field("cpu family") is { } family ? $"{name}, family {family} model {Field("model")}"
            : name;

        string? Field(string key) => lines.Select(l => l.Split(':', 2)).FirstOrDefault(f => f[0].Trim() == key)?[1].Trim();
    }
}
