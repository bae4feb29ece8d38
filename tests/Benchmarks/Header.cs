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

    private static string CpuModel()
    {
        const string Source = "/proc/cpuinfo";
        var line = File.Exists(Source) ? File.ReadLines(Source).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
